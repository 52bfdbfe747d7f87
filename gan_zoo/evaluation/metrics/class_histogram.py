"""Distances between the frequencies of predicted and of requested classes."""

import numpy as np
import torch
from torch import Tensor

from gan_zoo.evaluation.measurement import Comparison, Outcome
from gan_zoo.evaluation.metrics.intervals import Distance, histogram_interval
from gan_zoo.evaluation.metrics.registry import Description, Metric, share

METRIC = Metric(
    place=6,
    needs_classes=True,
    quantities={
        "class_kl": Description(
            "Class-histogram KL",
            -1,
            "Divergence of the histogram of predicted classes from the intended one.",
            low=0.0,
            unit="nats",
        ),
        "class_tv": share(
            "Class-histogram total variation",
            -1,
            "Half the L1 distance of the histogram of predicted classes from the intended one.",
        ),
    },
)


def measure(comparison: Comparison) -> Outcome:
    """Compare with equal shares of the classes, which is what is requested from a generator."""
    from scipy.special import rel_entr  # takes a third of a second, so not before the first update

    predicted, classes = comparison.fake.features.logits.argmax(1), comparison.num_classes
    shares = class_shares(predicted, classes)
    equal = torch.full_like(shares, 1 / classes)
    values = {"class_kl": class_kl(shares, equal), "class_tv": class_total_variation(shares, equal)}
    observed, wanted = shares.double().cpu().numpy(), equal.double().cpu().numpy()
    distances: dict[str, Distance] = {
        "class_kl": lambda drawn: rel_entr(drawn, wanted).sum(-1),
        "class_tv": lambda drawn: np.abs(drawn - wanted).sum(-1) / 2,
    }
    intervals = {
        name: histogram_interval(observed, wanted, len(predicted), distance)
        for name, distance in distances.items()
    }
    return Outcome(values, intervals=intervals)


def class_shares(labels: Tensor, num_classes: int) -> Tensor:
    """Return (K,) float64 shares of the classes among (N,) integer labels in [0, K).

    Raises:
        ValueError: If there are no labels, they are not integers, or one is out of range.
    """
    if labels.ndim != 1 or len(labels) == 0 or labels.is_floating_point():
        raise ValueError(
            "labels must be (N,) integers with N at least 1, got shape"
            f" {tuple(labels.shape)} of {labels.dtype}"
        )
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or most >= num_classes:
        raise ValueError(f"labels must be from 0 to {num_classes - 1}, got {least} to {most}")
    return torch.bincount(labels, minlength=num_classes).double() / len(labels)


def class_kl(fake: Tensor, reference: Tensor) -> float:
    """Return KL(fake || reference) = sum_k q_k log (q_k / p_k), in nats; 0 log 0 = 0.

    Args:
        fake: (K,) shares of the samples' predicted classes, as of ``class_shares``.
        reference: (K,) intended shares: the requested ones, or the real data's.

    Returns:
        A float of at least 0; about (K - 1) / (2 N) for N samples of a perfect sampler. It
        includes the errors of the classifier that predicts.

    Raises:
        ValueError: If an argument is not a vector of shares, the lengths differ, or the fakes have
            a class that the reference lacks, so that the divergence is infinite.
    """
    fake, reference = _shares("fake", fake), _shares("reference", reference)
    _same_length(fake, reference)
    extra = ((fake > 0) & (reference == 0)).nonzero().flatten().tolist()
    if extra:
        raise ValueError(f"the fakes have classes {extra} that the reference lacks: KL is infinite")
    return max(
        0.0, float((torch.special.xlogy(fake, fake) - torch.special.xlogy(fake, reference)).sum())
    )


def class_total_variation(fake: Tensor, reference: Tensor) -> float:
    """Return the total variation (1/2) sum_k |q_k - p_k|, in [0, 1].

    It is the share of samples that would have to change their class. Arguments as for
    ``class_kl``.

    Raises:
        ValueError: If an argument is not a vector of shares, or the lengths differ.
    """
    fake, reference = _shares("fake", fake), _shares("reference", reference)
    _same_length(fake, reference)
    return float((fake - reference).abs().sum() / 2)


def _shares(name: str, shares: Tensor) -> Tensor:
    values = shares.detach().double()
    proper = values.ndim == 1 and bool((values >= 0).all()) and abs(float(values.sum()) - 1) < 1e-6
    if not proper:
        raise ValueError(f"{name} must be a (K,) vector of shares: values >= 0 with sum 1")
    return values


def _same_length(fake: Tensor, reference: Tensor) -> None:
    if len(fake) != len(reference):
        raise ValueError(
            "fake and reference must have equally many classes, got"
            f" {len(fake)} and {len(reference)}"
        )
