"""WGAN-GP's two-sided gradient penalty."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.regularizers.gradients import gradients_at, interpolates, norms
from gan_zoo.regularizers.stateless import Stateless
from gan_zoo.regularizers.validation import require_positive
from gan_zoo.types import CriticStep, Discriminator


@dataclass(frozen=True)
class GradientPenalty(Stateless):
    """weight * mean (||grad D(x^)|| - target)^2, x^ = e x_real + (1 - e) x_fake.

    The norm and e ~ U(0, 1) belong to one sample each.  Two-sided: norms below the target cost too.

    Args:
        weight: lambda.
        target: the norm to reach, 1 in the paper.

    Raises:
        ValueError: a parameter is not above 0.

    Source: Gulrajani et al. 2017 (arXiv 1704.00028), equation 3.
    """

    needs_image_gradients: ClassVar[bool] = False
    penalises_gradients: ClassVar[bool] = True
    constrains_weights: ClassVar[bool] = False
    weight: float = 10.0
    target: float = 1.0

    def __post_init__(self) -> None:
        require_positive("weight", self.weight)
        require_positive("target", self.target)

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """One forward and one backward pass at fresh interpolates."""
        found = norms(gradients_at(discriminator, interpolates(step)))
        return self.weight * (found - self.target).square().mean()
