"""The least-squares GAN in any coding of its three targets."""

import math
from dataclasses import dataclass

from torch import Tensor

from gan_zoo.losses.base import Loss, as_pair, as_scores


@dataclass(frozen=True)
class Lsgan(Loss):
    """Least squares to the targets a (fake), b (real) and c (what G wants fakes to score).

        L_D = 1/2 mean (r - b)^2 + 1/2 mean (f - a)^2
        L_G = 1/2 mean (f - c)^2

    (a, b, c) = (0, 1, 1) is the paper's equation 9, (-1, 1, 0) its equation 8: with b - c = 1 and
    b - a = 2, an optimal D makes G minimise half of the Pearson chi^2 of P + Q from 2 Q.

    Args:
        a: target of D on fakes.
        b: target of D on reals, above a.
        c: target of G.

    Shapes: real r (N,), fake f (N,) raw scores, no sigmoid -> 0-dim, squared units of the score.

    Raises:
        ValueError: a target is not finite or b is not above a, or the scores' shapes are wrong.

    Source: Mao et al. 2017 (arXiv 1611.04076), equations 2, 8 and 9.
    """

    a: float = 0.0
    b: float = 1.0
    c: float = 1.0

    def __post_init__(self) -> None:
        if not all(math.isfinite(target) for target in (self.a, self.b, self.c)):
            raise ValueError(f"loss.a, b and c must be finite, got {self.a}, {self.b}, {self.c}")
        if not self.b > self.a:
            raise ValueError(
                f"loss.b must be above loss.a, got b={self.b} and a={self.a}: a higher score means"
                " believed real"
            )

    @property
    def real_threshold(self) -> float:
        """(a + b) / 2, the optimal D = (b p + a q) / (p + q) where p = q."""
        return (self.a + self.b) / 2

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return half the mean squared distance of reals from b plus that of fakes from a."""
        real, fake = as_pair(real, fake)
        return ((real - self.b).square().mean() + (fake - self.a).square().mean()) / 2

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return half the mean squared distance of fakes from c."""
        return (as_scores(fake) - self.c).square().mean() / 2
