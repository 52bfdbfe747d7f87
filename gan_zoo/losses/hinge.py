"""The hinge loss of geometric GAN, SNGAN and BigGAN."""

from dataclasses import dataclass

from torch import Tensor

from gan_zoo.losses.base import Loss, as_pair, as_scores


@dataclass(frozen=True)
class Hinge(Loss):
    """D ignores samples beyond the margins -1 and 1; G moves along the score.

        L_D = mean max(0, 1 - r) + mean max(0, 1 + f)
        L_G = -mean f

    The smallest possible L_D is 2 - 2 TV(P, Q).

    Shapes: real r (N,), fake f (N,) raw scores -> 0-dim, in units of the margin.

    Raises:
        ValueError: the scores' shapes are wrong.

    Source: Lim and Ye 2017 (arXiv 1705.02894); Miyato et al. 2018 (arXiv 1802.05957), equations
    16 and 17.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return how far reals fall short of 1, and fakes exceed -1."""
        real, fake = as_pair(real, fake)
        return (1 - real).relu().mean() + (1 + fake).relu().mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return minus the mean fake score."""
        return -as_scores(fake).mean()
