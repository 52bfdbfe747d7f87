"""DRAGAN's gradient penalty around the real data."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gan_zoo.regularizers.gradients import gradients_at, norms, one_per_sample
from gan_zoo.regularizers.stateless import Stateless
from gan_zoo.regularizers.validation import require_positive
from gan_zoo.types import CriticStep, Discriminator


@dataclass(frozen=True)
class Dragan(Stateless):
    """weight * mean (||grad D(x + u d)|| - target)^2 at noisy real samples.

    d = noise * std * U[0, 1), drawn for each number of each sample, never negative, as in the
    author's code; std is that of all numbers of the batch (population form); u ~ U(0, 1) for each
    sample.

    Args:
        weight: lambda.
        target: the norm to reach, 1 in the paper.
        noise: size of d in standard deviations.

    Raises:
        ValueError: a parameter is not above 0.

    Source: Kodali et al. 2017 (arXiv 1705.07215), with the noise of the author's code.
    """

    needs_image_gradients: ClassVar[bool] = False
    penalises_gradients: ClassVar[bool] = True
    constrains_weights: ClassVar[bool] = False
    weight: float = 10.0
    target: float = 1.0
    noise: float = 0.5

    def __post_init__(self) -> None:
        require_positive("weight", self.weight)
        require_positive("target", self.target)
        require_positive("noise", self.noise)

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """One forward and one backward pass near the real samples."""
        real = step.real.images.detach()
        noise = torch.rand(real.shape, generator=step.rng, device=real.device, dtype=real.dtype)
        spread = self.noise * real.std(correction=0) * one_per_sample(real, step.rng)
        found = norms(gradients_at(discriminator, real + spread * noise))
        return self.weight * (found - self.target).square().mean()
