"""The relativistic average hinge GAN."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.scores import as_pair, as_relativistic_pair


@dataclass(frozen=True)
class RaHinge:
    """Hinge: each score at least 1 away from the mean score of the other kind.

        L_D = 1/2 mean max(0, 1 - (r - mean f)) + 1/2 mean max(0, 1 + (f - mean r))
        L_G = 1/2 mean max(0, 1 - (f - mean r)) + 1/2 mean max(0, 1 + (r - mean f))

    Means over the batch, through which gradients flow.

    Shapes: real r (N,), fake f (N,) raw scores -> 0-dim, in units of the margin.

    Raises:
        ValueError: the scores' shapes are wrong, or G's step lacks the real scores.

    Source: Jolicoeur-Martineau 2018 (arXiv 1807.00734), RaHingeGAN; halved as in the author's
    code.
    """

    needs_real_in_generator_step: ClassVar[bool] = True
    needs_lipschitz: ClassVar[bool] = False
    divergence_range: ClassVar[None] = None
    # Only differences of scores matter, so no score means "undecided"; see Wgan.
    real_threshold: ClassVar[float] = 0.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Reals 1 above the average fake, fakes 1 below the average real."""
        real, fake = as_pair(real, fake)
        return _first_above_second(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Fakes 1 above the average real, reals 1 below the average fake."""
        real, fake = as_relativistic_pair(real, fake)
        return _first_above_second(fake, real)


def _first_above_second(first: Tensor, second: Tensor) -> Tensor:
    above = (1 - (first - second.mean())).relu().mean()
    below = (1 + (second - first.mean())).relu().mean()
    return (above + below) / 2
