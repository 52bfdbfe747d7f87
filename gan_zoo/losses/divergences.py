"""The f-divergences of the f-GAN paper, each as two functions of a raw score v.

``activation`` is g_f(v), the map of a score onto dom f*; ``conjugate`` is f*(g_f(v)).  Both are
monotone increasing in v, so a higher score always means "believed real"; where the paper's
Table 6 prints exp(v), the increasing form exp(-v) of its Table 2 is meant.  ``threshold`` is the
score with g_f(v) = f'(1), which is optimal where real and fake are equally likely.

D_f(P||Q) = sum q f(p/q).  f and T = f'(u), u = p/q, are as in the paper's Tables 1 and 5; the
integrals that the paper prints for Pearson and Neyman have P and Q swapped.  Exponentials beyond
e^30 follow ``softlog``.  ``alpha_divergence`` has the one family that fills a file of its own.

Source: Nowozin, Cseke, Tomioka 2016 (arXiv 1606.00709), Tables 1, 2, 4, 5, 6.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from gan_zoo.losses.scores import at_most, softplus
from gan_zoo.losses.softlog import KNEE, compress_above, compress_below
from gan_zoo.losses.wright_omega import log_wright_omega


class Divergence(Protocol):
    """What f-GAN needs to know of an f."""

    @property
    def threshold(self) -> float:
        """The score with g_f(v) = f'(1)."""
        ...

    @property
    def range(self) -> tuple[float, float]:
        """D_f of equal and of disjoint P and Q: f(1), and f(0) plus the limit of f(u) / u."""
        ...

    def activation(self, scores: Tensor) -> Tensor:
        """g_f(v), elementwise."""
        ...

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(g_f(v)), elementwise."""
        ...


@dataclass(frozen=True)
class TotalVariation:
    """f(u) = |u - 1| / 2, T = sign(u - 1) / 2: half the L1 distance, at most 1."""

    threshold: ClassVar[float] = 0.0
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def activation(self, scores: Tensor) -> Tensor:
        """tanh(v) / 2, in (-1/2, 1/2)."""
        return scores.tanh() / 2

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = t."""
        return self.activation(scores)


@dataclass(frozen=True)
class KullbackLeibler:
    """f(u) = u log u, T = 1 + log u: KL(P||Q), which covers modes."""

    threshold: ClassVar[float] = 1.0
    range: ClassVar[tuple[float, float]] = (0.0, math.inf)

    def activation(self, scores: Tensor) -> Tensor:
        """v, compressed above 31."""
        return compress_above(scores, 1 + KNEE)

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = exp(t - 1)."""
        return (self.activation(scores) - 1).exp()


@dataclass(frozen=True)
class ReverseKullbackLeibler:
    """f(u) = -log u, T = -1 / u: KL(Q||P), which seeks modes."""

    threshold: ClassVar[float] = 0.0
    range: ClassVar[tuple[float, float]] = (0.0, math.inf)

    def activation(self, scores: Tensor) -> Tensor:
        """-exp(-v), v compressed below -30."""
        return -(-compress_below(scores, KNEE)).exp()

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = -1 - log(-t), which is v - 1."""
        return compress_below(scores, KNEE) - 1


@dataclass(frozen=True)
class Pearson:
    """f(u) = (u - 1)^2, T = 2 (u - 1): chi^2 with Q as the reference, sum (p - q)^2 / q."""

    threshold: ClassVar[float] = 0.0
    range: ClassVar[tuple[float, float]] = (0.0, math.inf)

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
class Neyman:
    """f(u) = (1 - u)^2 / u, T = 1 - 1 / u^2: chi^2 with P as the reference, sum (p - q)^2 / p."""

    threshold: ClassVar[float] = 0.0
    range: ClassVar[tuple[float, float]] = (0.0, math.inf)

    def activation(self, scores: Tensor) -> Tensor:
        """1 - exp(-v), v compressed below -30."""
        return -(-compress_below(scores, KNEE)).expm1()

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = 2 - 2 sqrt(1 - t), which is 2 - 2 exp(-v / 2)."""
        return -2 * (-compress_below(scores, KNEE) / 2).expm1()


@dataclass(frozen=True)
class SquaredHellinger:
    """f(u) = (sqrt(u) - 1)^2, T = 1 - 1 / sqrt(u): sum (sqrt p - sqrt q)^2, at most 2."""

    threshold: ClassVar[float] = 0.0
    range: ClassVar[tuple[float, float]] = (0.0, 2.0)

    def activation(self, scores: Tensor) -> Tensor:
        """1 - exp(-v), v compressed beyond +-30."""
        return -(-self._compressed(scores)).expm1()

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = t / (1 - t), which is exp(v) - 1."""
        return self._compressed(scores).expm1()

    def _compressed(self, scores: Tensor) -> Tensor:
        return compress_below(compress_above(scores, KNEE), KNEE)


@dataclass(frozen=True)
class Jeffrey:
    """f(u) = (u - 1) log u, T = 1 + log u - 1 / u: KL(P||Q) + KL(Q||P)."""

    threshold: ClassVar[float] = 0.0
    range: ClassVar[tuple[float, float]] = (0.0, math.inf)

    def activation(self, scores: Tensor) -> Tensor:
        """v, compressed above 31."""
        return compress_above(scores, 1 + KNEE)

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = w + 1/w + t - 2 with w = omega(1 - t), which is 1/w - log w - 1."""
        log_w = log_wright_omega(1 - self.activation(scores))
        return (-log_w).exp() - log_w - 1


@dataclass(frozen=True)
class JensenShannon:
    """f(u) = u log u - (u + 1) log((1 + u) / 2): *twice* the Jensen-Shannon divergence."""

    threshold: ClassVar[float] = 0.0
    range: ClassVar[tuple[float, float]] = (0.0, math.log(4))

    def activation(self, scores: Tensor) -> Tensor:
        """log 2 - softplus(-v), below log 2."""
        return math.log(2) - softplus(-scores)

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = -log(2 - exp(t)), which is softplus(v) - log 2."""
        return softplus(scores) - math.log(2)


@dataclass(frozen=True)
class WeightedJensenShannon:
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
                f"loss.divergence.pi is {self.pi}; allowed: between 0 and 1, both excluded"
                " (it is the weight of the data in the mixture, not 3.14)"
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
class Gan:
    """f(u) = u log u - (u + 1) log(u + 1), T = log(u / (1 + u)): 2 JSD - log 4, never positive."""

    threshold: ClassVar[float] = 0.0
    range: ClassVar[tuple[float, float]] = (-math.log(4), 0.0)

    def activation(self, scores: Tensor) -> Tensor:
        """-softplus(-v) = log sigmoid(v), below 0."""
        return -softplus(-scores)

    def conjugate(self, scores: Tensor) -> Tensor:
        """f*(t) = -log(1 - exp(t)), which is softplus(v)."""
        return softplus(scores)
