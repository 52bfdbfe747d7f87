"""The alpha-divergences: one parameter from reverse KL (0) and KL (1) to Pearson (2) and beyond."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_zoo.losses.scores import at_most, softplus
from gan_zoo.losses.softlog import KNEE, compress_above


def _log_softplus_negative(scores: Tensor) -> Tensor:
    """log softplus(-v) for any finite v, also where softplus(-v) ~ exp(-v) underflows."""
    tail = -scores - at_most(-scores, -15).exp() / 2  # next term: 5/24 exp(-2v)
    return torch.where(scores > 15, tail, softplus(-at_most(scores, 15)).log())


@dataclass(frozen=True)
class Alpha:
    """f(u) = (u^a - 1 - a (u - 1)) / (a (a - 1)), T = (u^(a-1) - 1) / (a - 1), in nats.

    The limits are taken where the formula divides by zero: a = 0 is -log u + u - 1 (reverse KL)
    and a = 1 is u log u - u + 1 (KL); the linear term moves T by a constant and D_f by nothing.
    a = 1/2 is twice the squared Hellinger distance, a = 2 half of Pearson, a = -1 half of Neyman.

    f*(t) = (s^(a/(a-1)) - 1) / a with s = max(0, 1 + (a - 1) t): the paper leaves out the maximum,
    without which the power of a negative number is undefined for most a.

    Args:
        alpha: a; just below 1, the scores to expect lie around -1 / (1 - a).

    Raises:
        ValueError: alpha is not finite, or it is within 0.0005 of 1 without being 1.

    Source: Nowozin, Cseke, Tomioka 2016 (arXiv 1606.00709), Tables 4 to 6.
    """

    alpha: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.alpha):
            raise ValueError(f"loss.divergence.alpha is {self.alpha}; allowed: any finite number")
        if 0 < abs(self.alpha - 1) < 5e-4:
            raise ValueError(
                f"loss.divergence.alpha is {self.alpha}; allowed: 1, or 0.0005 or more away from it"
                " (in between, the formula loses float32's digits): use 1"
            )

    @property
    def threshold(self) -> float:
        """The score with g_f(v) = 0: 0 for alpha >= 1, else softplus(-v) = 1 / (1 - alpha)."""
        if self.alpha >= 1:
            return 0.0
        level = 1 / (1 - self.alpha)
        return -level - math.log(-math.expm1(-level))

    @property
    def range(self) -> tuple[float, float]:
        """Bounded for alpha between 0 and 1 only, by 1 / (alpha (1 - alpha))."""
        inside = 0 < self.alpha < 1
        return 0.0, 1 / (self.alpha * (1 - self.alpha)) if inside else math.inf

    def activation(self, scores: Tensor) -> Tensor:
        """alpha < 1: 1 / (1 - alpha) - softplus(-v), below 1 / (1 - alpha); else v."""
        scores = self._compressed(scores)
        return scores if self.alpha >= 1 else 1 / (1 - self.alpha) - softplus(-scores)

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(g_f(v)) as (exp(a log(s) / (a - 1)) - 1) / a, or its limit."""
        scores, alpha = self._compressed(scores), self.alpha
        if alpha == 1:
            return scores.expm1()
        if alpha > 1:
            base = (1 + (alpha - 1) * scores).relu()
            return (base.pow(alpha / (alpha - 1)) - 1) / alpha
        log_base = math.log1p(-alpha) + _log_softplus_negative(scores)
        if alpha == 0:
            return -log_base
        return (alpha / (alpha - 1) * log_base).expm1() / alpha

    def _compressed(self, scores: Tensor) -> Tensor:
        """Scores whose f* would exceed e^30, on a logarithmic scale; see ``softlog``."""
        if self.alpha < 1e-3 or self.alpha >= 1.5:  # f* stays below e^30 for scores of 1e4
            return scores
        if self.alpha == 1:
            return compress_above(scores, KNEE)
        # f* = s^(-1 / rate) is e^30 where log s = -30 rate; the knee is the score with that s.
        rate = (1 - self.alpha) / self.alpha
        if self.alpha > 1:  # s = 1 + (alpha - 1) v
            knee = math.expm1(-KNEE * rate) / (self.alpha - 1)
            return compress_above(scores, knee, 1 / self.alpha)
        log_softplus = -KNEE * rate - math.log1p(-self.alpha)  # s = (1 - alpha) softplus(-v)
        level = math.exp(log_softplus)
        knee = -level - math.log(-math.expm1(-level)) if level > 1e-9 else -log_softplus
        return compress_above(scores, knee, rate)
