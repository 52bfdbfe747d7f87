"""The relativistic average GAN: is this sample more realistic than the average of the others?"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.scores import as_pair, as_relativistic_pair, softplus


@dataclass(frozen=True)
class RaSGan:
    """Sigmoid cross-entropy of each score's distance from the mean score of the other kind.

    With s = softplus, means over the batch, through which gradients flow:

        L_D = 1/2 mean s(-(r - mean f)) + 1/2 mean s(f - mean r)
        L_G = 1/2 mean s(r - mean f) + 1/2 mean s(-(f - mean r))

    Shapes: real r (N,), fake f (N,) raw scores -> 0-dim, nats.

    Raises:
        ValueError: the scores' shapes are wrong, or G's step lacks the real scores.

    Source: Jolicoeur-Martineau 2018 (arXiv 1807.00734), RaSGAN; halved as in the author's
    code.
    """

    needs_real_in_generator_step: ClassVar[bool] = True
    needs_lipschitz: ClassVar[bool] = False
    divergence_range: ClassVar[None] = None
    # Only differences of scores matter, so no score means "undecided"; see Wgan.
    real_threshold: ClassVar[float] = 0.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Reals above the average fake, fakes below the average real."""
        real, fake = as_pair(real, fake)
        return _first_above_second(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Fakes above the average real, reals below the average fake."""
        real, fake = as_relativistic_pair(real, fake)
        return _first_above_second(fake, real)


def _first_above_second(first: Tensor, second: Tensor) -> Tensor:
    return (softplus(second.mean() - first).mean() + softplus(second - first.mean()).mean()) / 2
