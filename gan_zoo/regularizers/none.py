"""No penalty, no constraint."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.regularizers.stateless import Stateless
from gan_zoo.types import CriticStep, Discriminator


@dataclass(frozen=True)
class Unregularized(Stateless):
    """D's loss is the adversarial loss and the class loss, nothing else."""

    needs_image_gradients: ClassVar[bool] = False
    penalises_gradients: ClassVar[bool] = False
    constrains_weights: ClassVar[bool] = False

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Zero."""
        return step.real_scores.new_zeros(())
