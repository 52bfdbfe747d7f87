"""Boundary-seeking GAN: the generator wants its samples where D is undecided."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from gan_zoo.losses.base import Loss, as_pair, as_scores


@dataclass(frozen=True)
class Bgan(Loss):
    """Sigmoid cross-entropy for D; G pulls its log-odds to the boundary, scaled.

        L_D = mean s(-r) + mean s(f),  s = softplus
        L_G = scale / 2 * mean f^2

    Args:
        scale: of G's loss.

    Source: Hjelm et al. 2017 (arXiv 1702.08431), the objective for continuous data (scale 1).
    """

    scale: float = 1.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the cross-entropy of both kinds against their labels."""
        real, fake = as_pair(real, fake)
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return half the mean squared log-odds that a fake is real."""
        return self.scale * as_scores(fake).square().mean() / 2
