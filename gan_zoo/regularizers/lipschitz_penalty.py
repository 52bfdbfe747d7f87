"""WGAN-LP's one-sided gradient penalty."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.regularizers.gradients import gradients_at, interpolates, norms
from gan_zoo.regularizers.stateless import Stateless
from gan_zoo.regularizers.validation import require_positive
from gan_zoo.types import CriticStep, Discriminator


@dataclass(frozen=True)
class LipschitzPenalty(Stateless):
    """weight * mean max(0, ||grad D(x^)|| - target)^2, x^ = e x_real + (1 - e) x_fake.

    A critic may be flatter than the target, which an optimal critic is wherever no mass has to be
    moved; only steeper ones pay.  The norm and e ~ U(0, 1) belong to one sample each.

    Args:
        weight: lambda.
        target: the largest norm that is free, 1 in the paper.

    Raises:
        ValueError: a parameter is not above 0.

    Source: Petzka, Fischer, Lukovnikov 2018 (arXiv 1709.08894), at WGAN-GP's points.
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
        return self.weight * (found - self.target).relu().square().mean()
