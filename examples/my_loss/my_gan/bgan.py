"""Boundary-seeking GAN: the generator wants its samples where D is undecided."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from gan_zoo.losses.scores import as_pair, as_scores


@dataclass(frozen=True)
class Bgan:
    """Sigmoid cross-entropy for D; G pulls its log-odds to the boundary, scaled.

        L_D = mean s(-r) + mean s(f),  s = softplus
        L_G = scale / 2 * mean f^2

    Args:
        scale: of G's loss.

    Source: Hjelm et al. 2017 (arXiv 1702.08431), the objective for continuous data (scale 1).
    """

    needs_real_in_generator_step: ClassVar[bool] = False
    needs_lipschitz: ClassVar[bool] = False
    real_threshold: ClassVar[float] = 0.0
    divergence_range: ClassVar[None] = None
    scale: float = 1.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Cross-entropy of the right answers."""
        real, fake = as_pair(real, fake)
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Half the mean squared log-odds that a fake is real."""
        return self.scale * as_scores(fake).square().mean() / 2
