"""The R2 penalty: a flat critic on generated data."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.regularizers.gradients import input_gradients
from gan_zoo.regularizers.stateless import Stateless
from gan_zoo.regularizers.validation import require_positive
from gan_zoo.types import CriticStep, Discriminator


@dataclass(frozen=True)
class R2(Stateless):
    """gamma / 2 * mean ||grad D(x_fake)||^2.

    Args:
        gamma: twice the factor of the mean squared norm.

    Raises:
        ValueError: gamma is not above 0.

    Source: Mescheder, Geiger, Nowozin 2018 (arXiv 1801.04406), equation 10.
    """

    needs_image_gradients: ClassVar[bool] = True
    penalises_gradients: ClassVar[bool] = True
    constrains_weights: ClassVar[bool] = False
    gamma: float = 10.0

    def __post_init__(self) -> None:
        require_positive("gamma", self.gamma)

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """From the scores that D has already given; no further forward pass."""
        (gradients,) = input_gradients(step.fake_scores, [step.fake.images])
        return self.gamma / 2 * gradients.square().sum(1).mean()
