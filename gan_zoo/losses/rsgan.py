"""The relativistic GAN: is this real sample more realistic than that fake one?"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.scores import as_pair, as_relativistic_pair, softplus


@dataclass(frozen=True)
class RsGan:
    """Sigmoid cross-entropy of the difference between paired scores.

    With s = softplus, sample i of the reals paired with sample i of the fakes:

        L_D = mean s(-(r - f))
        L_G = mean s(-(f - r))

    R3GAN is this loss with the R1 and R2 penalties.

    Shapes: real r (N,), fake f (N,) raw scores -> 0-dim, nats.

    Raises:
        ValueError: the scores' shapes are wrong, or G's step lacks the real scores.

    Source: Jolicoeur-Martineau 2018 (arXiv 1807.00734), RSGAN.
    """

    needs_real_in_generator_step: ClassVar[bool] = True
    needs_lipschitz: ClassVar[bool] = False
    divergence_range: ClassVar[None] = None
    # Only differences of scores matter, so no score means "undecided"; see Wgan.
    real_threshold: ClassVar[float] = 0.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Cross-entropy of "real above fake"."""
        real, fake = as_pair(real, fake)
        return softplus(fake - real).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Cross-entropy of "fake above real"."""
        real, fake = as_relativistic_pair(real, fake)
        return softplus(real - fake).mean()
