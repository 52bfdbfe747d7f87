"""What every loss asks of its scores: one number a sample, enough precision."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def as_scores(scores: Tensor) -> Tensor:
    """(N,) scores in float32 at least: half types are upcast, float64 stays.

    Raises:
        ValueError: the shape is not (N,) with N of 1 or more, or the numbers are no floats.
    """
    if scores.ndim != 1 or not len(scores):
        raise ValueError(
            f"scores have shape {tuple(scores.shape)}; allowed: (N,), one score a sample:"
            " squeeze the critic's last dimension"
        )
    if not scores.is_floating_point():
        raise ValueError(f"scores are {scores.dtype}; allowed: floating point, raw critic outputs")
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def as_pair(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Real and fake scores, equally many of each.

    Raises:
        ValueError: as ``as_scores``, or the two differ in size (which would broadcast silently).
    """
    real, fake = as_scores(real), as_scores(fake)
    if len(real) != len(fake):
        raise ValueError(
            f"{len(real)} real and {len(fake)} fake scores; allowed: equally many:"
            " draw as many fakes as reals"
        )
    return real, fake


def as_relativistic_pair(real: Tensor | None, fake: Tensor) -> tuple[Tensor, Tensor]:
    """``as_pair`` for a generator loss that cannot do without the real scores.

    Raises:
        ValueError: as ``as_pair``, or there are no real scores.
    """
    if real is None:
        raise ValueError(
            "real scores are missing: a relativistic generator loss compares fakes with reals;"
            " pass generator(fake, real)"
        )
    return as_pair(real, fake)


def at_most(scores: Tensor, limit: float) -> Tensor:
    """min(x, limit) whose slope at the limit is 1 (that of torch's clamp is 0 there)."""
    return torch.where(scores > limit, limit, scores)


def softplus(scores: Tensor) -> Tensor:
    """log(1 + exp(x)), exact at both ends (torch's own switches to x at 20, 2e-9 off)."""
    return -logsigmoid(-scores)
