"""The Inception score's formula with another classifier."""

import torch
from torch import Tensor

from gan_zoo.evaluation.measurement import Comparison, Outcome
from gan_zoo.evaluation.metrics.checks import finite_double
from gan_zoo.evaluation.metrics.registry import Description, Metric

METRIC = Metric(
    place=5,
    needs_classes=True,
    quantities={
        "inception_score": Description(
            "Inception-score analogue",
            1,
            "exp of the mean divergence of predicted class probabilities from their marginal, with "
            "the named classifier; blind to differences between images of one class.",
            low=1.0,
            unit="effective number of classes, at most that of the classifier",
        )
    },
)


def measure(comparison: Comparison) -> Outcome:
    """Score the classifier's predictions for the generated images."""
    return Outcome({"inception_score": inception_score(comparison.fake.features.logits)})


def inception_score(logits: Tensor) -> float:
    """Return exp of the mean over samples of KL(p(y | x) || p(y)), p(y) the mean of p(y | x).

    The score is high when each sample is clearly of one class and the classes are equally
    frequent. It uses no real data and sees no difference between samples of one class: a sampler
    of one perfect image per class gets the best value.

    Args:
        logits: (N, K) of an independent classifier, N at least 1.

    Returns:
        A float in [1, K], computed in float64 from log-probabilities, so that saturated logits
        give no NaN. Not comparable with scores by Inception on ImageNet's classes.

    Raises:
        ValueError: If the logits are not a matrix, empty or not finite.

    Source: Salimans et al. 2016 (arXiv 1606.03498), section 4. Deviations: the classifier; all
    samples at once instead of the mean over ten parts, which is biased low.
    """
    log_conditional = finite_double("logits", logits).log_softmax(1)
    # logsumexp keeps log p(y) finite where p(y) itself would be rounded to 0
    count = torch.tensor(float(len(logits)), dtype=torch.float64)
    log_marginal = log_conditional.logsumexp(0) - count.log().to(logits.device)
    divergence = (log_conditional.exp() * (log_conditional - log_marginal)).sum(1)
    return float(divergence.mean().exp())
