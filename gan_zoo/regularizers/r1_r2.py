"""R1 and R2 together, as R3GAN needs them."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.regularizers.gradients import input_gradients
from gan_zoo.regularizers.stateless import Stateless
from gan_zoo.regularizers.validation import require_positive
from gan_zoo.types import CriticStep, Discriminator


@dataclass(frozen=True)
class R1R2(Stateless):
    """gamma / 2 * (mean ||grad D(x_real)||^2 + mean ||grad D(x_fake)||^2), at every step.

    Args:
        gamma: twice the factor of the mean squared norm.

    Raises:
        ValueError: gamma is not above 0.

    Source: Huang et al. 2024 (arXiv 2501.05441) after Mescheder et al. 2018.
    """

    needs_image_gradients: ClassVar[bool] = True
    penalises_gradients: ClassVar[bool] = True
    constrains_weights: ClassVar[bool] = False
    gamma: float = 1.0

    def __post_init__(self) -> None:
        require_positive("gamma", self.gamma)

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """From the scores that D has already given, in one backward pass for both kinds."""
        scores = step.real_scores.sum() + step.fake_scores.sum()
        real, fake = input_gradients(scores, [step.real.images, step.fake.images])
        return self.gamma / 2 * (real.square().sum(1).mean() + fake.square().sum(1).mean())
