"""The Inception score's formula on another classifier."""

import torch
from torch import Tensor

from gan_zoo.evaluation.metrics.checks import finite_double


def inception_score(logits: Tensor) -> float:
    """exp of the mean over samples of KL(p(y | x) || p(y)), p(y) the mean of p(y | x).

    High when each sample is of one clear class and the classes are equally frequent. It sees no
    difference between samples of one class, and no real data: a sampler of one perfect image per
    class gets the best value.

    Args:
        logits: (N, K) of an independent classifier, N at least 1.

    Returns:
        A float in [1, K], computed in float64 from log-probabilities, so that saturated logits
        give no NaN. Not comparable with scores by Inception on ImageNet's classes.

    Raises:
        ValueError: logits that are no matrix, empty, or not finite.

    Source: Salimans et al. 2016 (arXiv 1606.03498), section 4. Deviations: the classifier; all
    samples at once in place of the mean over ten parts, which is biased low.
    """
    log_conditional = finite_double("logits", logits).log_softmax(1)
    # logsumexp keeps log p(y) finite where p(y) itself would be rounded to 0
    count = torch.tensor(float(len(logits)), dtype=torch.float64)
    log_marginal = log_conditional.logsumexp(0) - count.log().to(logits.device)
    divergence = (log_conditional.exp() * (log_conditional - log_marginal)).sum(1)
    return float(divergence.mean().exp())
