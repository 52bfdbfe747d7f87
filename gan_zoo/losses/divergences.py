"""The f-divergences of the f-GAN paper, each as two functions of a raw score v.

``activation`` is g_f(v), the map of a score onto dom f*; ``conjugate`` is f*(g_f(v)).  Both are
monotone increasing in v, so a higher score always means "believed real"; where the paper's
Table 6 prints exp(v), the increasing form exp(-v) of its Table 2 is meant.

D_f(P||Q) = sum q f(p/q).  f and T = f'(u), u = p/q, are as in the paper's Tables 1 and 5; the
integrals that the paper prints for Pearson and Neyman have P and Q swapped.  Exponentials beyond
e^30 continue as straight lines, see ``compress_above``.

Source: Nowozin, Cseke, Tomioka 2016 (arXiv 1606.00709), Tables 1, 2, 4, 5, 6.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_zoo.losses.elementwise import (
    KNEE,
    at_most,
    compress_above,
    compress_below,
    log_wright_omega,
    softplus,
)


class Divergence:
    """What f-GAN needs to know of an f; f'(1) = g_f(0) and an unbounded range are the defaults."""

    @property
    def threshold(self) -> float:
        """The score with g_f(v) = f'(1), optimal where real and fake are equally likely."""
        return 0.0

    @property
    def range(self) -> tuple[float, float]:
        """D_f of equal and of disjoint P and Q: f(1), and f(0) plus the limit of f(u) / u."""
        return 0.0, math.inf

    def activation(self, scores: Tensor) -> Tensor:
        """g_f(v), elementwise."""
        raise NotImplementedError

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(g_f(v)), elementwise."""
        raise NotImplementedError


@dataclass(frozen=True)
class TotalVariation(Divergence):
    """f(u) = |u - 1| / 2, T = sign(u - 1) / 2: half the L1 distance, at most 1."""

    range = (0.0, 1.0)

    def activation(self, scores: Tensor) -> Tensor:
        """tanh(v) / 2, in (-1/2, 1/2)."""
        return scores.tanh() / 2

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = t."""
        return self.activation(scores)


@dataclass(frozen=True)
class KullbackLeibler(Divergence):
    """f(u) = u log u, T = 1 + log u: KL(P||Q), which covers modes."""

    threshold = 1.0  # f'(1) = 1

    def activation(self, scores: Tensor) -> Tensor:
        """v, compressed above 31."""
        return compress_above(scores, 1 + KNEE)

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = exp(t - 1)."""
        return (self.activation(scores) - 1).exp()


@dataclass(frozen=True)
class ReverseKullbackLeibler(Divergence):
    """f(u) = -log u, T = -1 / u: KL(Q||P), which seeks modes."""

    def activation(self, scores: Tensor) -> Tensor:
        """-exp(-v), v compressed below -30."""
        return -(-compress_below(scores, KNEE)).exp()

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = -1 - log(-t), which is v - 1."""
        return compress_below(scores, KNEE) - 1


@dataclass(frozen=True)
class Pearson(Divergence):
    """f(u) = (u - 1)^2, T = 2 (u - 1): chi^2 with Q as the reference, sum (p - q)^2 / q."""

    def activation(self, scores: Tensor) -> Tensor:
        """v."""
        return scores

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = t^2 / 4 + t, and -1 for t < -2.

        The paper prints the parabola alone, the conjugate of f on negative u as well: it rises
        again below -2 (a looser bound) and would there reward G for being scored lower.
        """
        return (1 + scores / 2).relu().square() - 1


@dataclass(frozen=True)
class Neyman(Divergence):
    """f(u) = (1 - u)^2 / u, T = 1 - 1 / u^2: chi^2 with P as the reference, sum (p - q)^2 / p."""

    def activation(self, scores: Tensor) -> Tensor:
        """1 - exp(-v), v compressed below -30."""
        return -(-compress_below(scores, KNEE)).expm1()

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = 2 - 2 sqrt(1 - t), which is 2 - 2 exp(-v / 2)."""
        return -2 * (-compress_below(scores, KNEE) / 2).expm1()


@dataclass(frozen=True)
class SquaredHellinger(Divergence):
    """f(u) = (sqrt(u) - 1)^2, T = 1 - 1 / sqrt(u): sum (sqrt p - sqrt q)^2, at most 2."""

    range = (0.0, 2.0)

    def activation(self, scores: Tensor) -> Tensor:
        """1 - exp(-v), v compressed beyond +-30."""
        return -(-self._compressed(scores)).expm1()

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = t / (1 - t), which is exp(v) - 1."""
        return self._compressed(scores).expm1()

    def _compressed(self, scores: Tensor) -> Tensor:
        return compress_below(compress_above(scores, KNEE), KNEE)


@dataclass(frozen=True)
class Jeffrey(Divergence):
    """f(u) = (u - 1) log u, T = 1 + log u - 1 / u: KL(P||Q) + KL(Q||P)."""

    def activation(self, scores: Tensor) -> Tensor:
        """v, compressed above 31."""
        return compress_above(scores, 1 + KNEE)

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = w + 1/w + t - 2 with w = omega(1 - t), which is 1/w - log w - 1."""
        log_w = log_wright_omega(1 - self.activation(scores))
        return (-log_w).exp() - log_w - 1


@dataclass(frozen=True)
class JensenShannon(Divergence):
    """f(u) = u log u - (u + 1) log((1 + u) / 2): *twice* the Jensen-Shannon divergence."""

    range = (0.0, math.log(4))

    def activation(self, scores: Tensor) -> Tensor:
        """log 2 - softplus(-v), below log 2."""
        return math.log(2) - softplus(-scores)

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = -log(2 - exp(t)), which is softplus(v) - log 2."""
        return softplus(scores) - math.log(2)


@dataclass(frozen=True)
class WeightedJensenShannon(Divergence):
    """f(u) = pi u log u - (1 - pi + pi u) log(1 - pi + pi u), T = pi log(u / (1 - pi + pi u)).

    pi KL(P||M) + (1 - pi) KL(Q||M) with M = pi P + (1 - pi) Q; at pi = 1/2, half of
    ``JensenShannon``.

    Args:
        pi: weight of P.

    Raises:
        ValueError: pi is not between 0 and 1.
    """

    pi: float

    def __post_init__(self) -> None:
        if not 0 < self.pi < 1:
            raise ValueError(
                f"loss.divergence.pi must be above 0 and below 1, got {self.pi}: it is the weight"
                " of the data in the mixture"
            )

    @property
    def threshold(self) -> float:
        """The score with softplus(-v) = -pi log pi."""
        return -math.log(math.expm1(-self.pi * math.log(self.pi)))

    @property
    def range(self) -> tuple[float, float]:
        """Up to the entropy of (pi, 1 - pi)."""
        rest = 1 - self.pi
        return 0.0, -self.pi * math.log(self.pi) - rest * math.log(rest)

    def activation(self, scores: Tensor) -> Tensor:
        """-pi log pi - softplus(-v), below -pi log pi."""
        return -self.pi * math.log(self.pi) - softplus(-scores)

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = (1 - pi) log((1 - pi) / (1 - pi exp(t / pi)))."""
        # -log(1 - sigmoid(v)^(1/pi)) as it stands underflows for large v.  There, the ratio of
        # 1 - sigmoid(v)^(1/pi) to 1 - sigmoid(v) does not (from 40 on it is 1/pi to all digits),
        # and -log(1 - sigmoid(v)) is softplus(v).
        low = softplus(-at_most(scores, 0)) / -self.pi  # log sigmoid(v)^(1/pi)
        high = -softplus(at_most(-at_most(scores, 40), 0))
        ratio = torch.expm1(high / self.pi) / torch.expm1(high)
        rest = torch.where(scores < 0, -torch.log1p(-low.exp()), softplus(scores) - ratio.log())
        return (1 - self.pi) * (math.log(1 - self.pi) + rest)


@dataclass(frozen=True)
class Gan(Divergence):
    """f(u) = u log u - (u + 1) log(u + 1), T = log(u / (1 + u)): 2 JSD - log 4, never positive."""

    range = (-math.log(4), 0.0)

    def activation(self, scores: Tensor) -> Tensor:
        """-softplus(-v) = log sigmoid(v), below 0."""
        return -softplus(-scores)

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = -log(1 - exp(t)), which is softplus(v)."""
        return softplus(scores)


@dataclass(frozen=True)
class Alpha(Divergence):
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
            raise ValueError(f"loss.divergence.alpha must be finite, got {self.alpha}")
        if 0 < abs(self.alpha - 1) < 5e-4:
            raise ValueError(
                f"loss.divergence.alpha must be 1 or at least 0.0005 away from it, got {self.alpha}"
                ": in between, the formula loses float32's digits; use 1"
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
        """Scores whose f* would exceed e^30, on a logarithmic scale: see ``compress_above``."""
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


def _log_softplus_negative(scores: Tensor) -> Tensor:
    """Return log softplus(-v) for any finite v, also where softplus(-v) ~ exp(-v) underflows."""
    tail = -scores - at_most(-scores, -15).exp() / 2  # next term: 5/24 exp(-2v)
    return torch.where(scores > 15, tail, softplus(-at_most(scores, 15)).log())
