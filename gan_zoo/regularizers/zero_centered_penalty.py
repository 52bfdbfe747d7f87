"""The zero-centred gradient penalty between real and fake samples (0-GP)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.regularizers.gradients import gradients_at, interpolates
from gan_zoo.regularizers.stateless import Stateless
from gan_zoo.regularizers.validation import require_positive
from gan_zoo.types import CriticStep, Discriminator


@dataclass(frozen=True)
class ZeroCenteredPenalty(Stateless):
    """weight * mean ||grad D(x^)||^2, x^ = e x_real + (1 - e) x_fake.

    Where generated and real samples agree, the optimal critic is flat, so this penalty has the
    GAN's equilibrium as its minimum (a target norm of 1 has not).  e ~ U(0, 1) for each sample.

    Args:
        weight: lambda.

    Raises:
        ValueError: weight is not above 0.

    Source: Thanh-Tung, Tran, Venkatesh 2019 (arXiv 1902.03984), 0-GP.
    """

    needs_image_gradients: ClassVar[bool] = False
    penalises_gradients: ClassVar[bool] = True
    constrains_weights: ClassVar[bool] = False
    weight: float = 10.0

    def __post_init__(self) -> None:
        require_positive("weight", self.weight)

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """One forward and one backward pass at fresh interpolates."""
        gradients = gradients_at(discriminator, interpolates(step))
        return self.weight * gradients.square().sum(1).mean()
