"""A small price on the size of real scores, which keeps a critic from drifting off."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.scores import as_scores
from gan_zoo.types import CriticStep, Discriminator


@dataclass(frozen=True)
class Drift:
    """weight * mean r^2 of the real scores r.

    Args:
        weight: epsilon.

    Source: Karras et al. 2017 (arXiv 1710.10196), appendix A.1.
    """

    needs_image_gradients: ClassVar[bool] = False
    penalises_gradients: ClassVar[bool] = False
    differentiates_twice: ClassVar[bool] = False
    constrains_weights: ClassVar[bool] = False
    weight: float = 0.001

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """From the scores that D has already given."""
        return self.weight * as_scores(step.real_scores).square().mean()

    def constrain(self, discriminator: Discriminator) -> None:
        """Leave D as it is."""
