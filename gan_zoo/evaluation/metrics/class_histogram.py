"""Are the classes as frequent among the samples as they should be?"""

import torch
from torch import Tensor


def class_shares(labels: Tensor, num_classes: int) -> Tensor:
    """(K,) float64 shares of the classes among (N,) integer labels in [0, K).

    Raises:
        ValueError: no labels, no integers, or a label out of range.
    """
    if labels.ndim != 1 or len(labels) == 0 or labels.is_floating_point():
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} and type {labels.dtype}; "
            "allowed: (N,) integers with N at least 1"
        )
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or most >= num_classes:
        raise ValueError(f"labels go from {least} to {most}; allowed: 0 to {num_classes - 1}")
    return torch.bincount(labels, minlength=num_classes).double() / len(labels)


def class_kl(fake: Tensor, reference: Tensor) -> float:
    """KL(fake || reference) = sum_k q_k log (q_k / p_k), in nats; 0 log 0 = 0.

    Args:
        fake: (K,) shares of the samples' predicted classes, as of ``class_shares``.
        reference: (K,) shares that are wanted: the requested ones, or the real data's.

    Returns:
        A float of at least 0. A perfect sampler's is about (K - 1) / (2 N) for N samples. The
        predicting classifier's own errors are in it.

    Raises:
        ValueError: no shares, different lengths, or a class among the fakes that the reference
            lacks (the divergence is infinite).
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
    """Total variation (1/2) sum_k |q_k - p_k|, in [0, 1]; arguments as for ``class_kl``.

    The share of samples that would have to change their class.

    Raises:
        ValueError: no shares, or different lengths.
    """
    fake, reference = _shares("fake", fake), _shares("reference", reference)
    _same_length(fake, reference)
    return float((fake - reference).abs().sum() / 2)


def _shares(name: str, shares: Tensor) -> Tensor:
    values = shares.detach().double()
    proper = values.ndim == 1 and bool((values >= 0).all()) and abs(float(values.sum()) - 1) < 1e-6
    if not proper:
        raise ValueError(f"{name} is no (K,) vector of shares; allowed: values >= 0 with sum 1")
    return values


def _same_length(fake: Tensor, reference: Tensor) -> None:
    if len(fake) != len(reference):
        raise ValueError(
            f"fake has {len(fake)} classes and reference {len(reference)}; allowed: equally many"
        )
