"""The hinge loss of geometric GAN, SNGAN and BigGAN."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.scores import as_pair, as_scores


@dataclass(frozen=True)
class Hinge:
    """D stops caring about samples beyond the margins -1 and 1; G moves along the score.

        L_D = mean max(0, 1 - r) + mean max(0, 1 + f)
        L_G = -mean f

    The smallest possible L_D is 2 - 2 TV(P, Q).

    Shapes: real r (N,), fake f (N,) raw scores -> 0-dim, in units of the margin.

    Raises:
        ValueError: the scores' shapes are wrong.

    Source: Lim and Ye 2017 (arXiv 1705.02894); Miyato et al. 2018 (arXiv 1802.05957), equations
    16 and 17.
    """

    needs_real_in_generator_step: ClassVar[bool] = False
    needs_lipschitz: ClassVar[bool] = False
    divergence_range: ClassVar[None] = None
    real_threshold: ClassVar[float] = 0.0  # the middle between the margins

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """How far reals are from reaching 1 and fakes from staying below -1."""
        real, fake = as_pair(real, fake)
        return (1 - real).relu().mean() + (1 + fake).relu().mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Minus the mean fake score."""
        return -as_scores(fake).mean()
