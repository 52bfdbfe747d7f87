"""R1 and R2 by finite differences: no gradient by the images, so no second derivative."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gan_zoo.regularizers.base import Penalty, require_positive
from gan_zoo.types import CriticStep, Discriminator


@dataclass(frozen=True)
class _FiniteDifference(Penalty):
    """gamma / 2 * mean ((D(x + sigma e) - D(x)) / sigma)^2 at the samples that a subclass picks."""

    penalises_gradients = True
    differentiates_twice = False
    gamma: float = 10.0
    sigma: float = 0.1

    def __post_init__(self) -> None:
        require_positive(gamma=self.gamma, sigma=self.sigma)

    def _penalty(
        self, discriminator: Discriminator, images: Tensor, scores: Tensor, rng: torch.Generator
    ) -> Tensor:
        """Return the penalty, from one forward pass beside the scores that D has computed."""
        images = images.detach()
        noise = torch.randn(images.shape, generator=rng, device=images.device, dtype=images.dtype)
        moved = discriminator(images + self.sigma * noise).scores
        wide = torch.promote_types(moved.dtype, torch.float32)
        slopes = (moved.to(wide) - scores.to(wide)) / self.sigma
        return self.gamma / 2 * slopes.square().mean()


@dataclass(frozen=True)
class ApproximateR1(_FiniteDifference):
    """gamma / 2 * mean ((D(x_real + sigma e) - D(x_real)) / sigma)^2, e ~ N(0, 1) for each number.

    Its expectation tends to R1, gamma / 2 * mean ||grad D(x_real)||^2, as sigma tends to 0; the
    first difference is of the order of sigma^2 times squared second derivatives. It takes one
    forward pass more and no second derivative, so that D may compute in bf16.

    D must be the same function in both passes: batch norm and dropout are refused.

    Args:
        gamma: as of R1.
        sigma: standard deviation of the noise: small against the distance over which D bends, and
            no smaller. In a network of (leaky) ReLUs the variance of the penalty's gradient grows
            as 1 / sigma, and scores rounded by d add about 2 (d / sigma)^2 to the squared slope.

    Raises:
        ValueError: a parameter is not above 0.

    Source: Lin et al. 2025 (arXiv 2501.08316), equation 3, whose penalty is not divided by sigma^2:
    their lambda is gamma / (2 sigma^2). sigma is 0.01 there for images, 0.1 for videos.
    """

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return the penalty at noisy real samples."""
        return self._penalty(discriminator, step.real.images, step.real_scores, step.rng)


@dataclass(frozen=True)
class ApproximateR2(_FiniteDifference):
    """gamma / 2 * mean ((D(x_fake + sigma e) - D(x_fake)) / sigma)^2, e ~ N(0, 1) for each number.

    R2 as ``ApproximateR1`` is R1.

    Args:
        gamma: as of R2.
        sigma: standard deviation of the noise.

    Raises:
        ValueError: a parameter is not above 0.

    Source: as ``ApproximateR1``.
    """

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return the penalty at noisy fake samples."""
        return self._penalty(discriminator, step.fake.images, step.fake_scores, step.rng)


@dataclass(frozen=True)
class ApproximateR1R2(_FiniteDifference):
    """The sum of ApproximateR1 and ApproximateR2, in one forward pass.

    gamma is R3GAN's for Stacked MNIST by default.

    Args:
        gamma: as of R1 and R2.
        sigma: standard deviation of the noise.

    Raises:
        ValueError: a parameter is not above 0.

    Source: as ``ApproximateR1``.
    """

    gamma: float = 1.0

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return both penalties, from one forward pass."""
        images = torch.cat([step.real.images, step.fake.images])
        scores = torch.cat([step.real_scores, step.fake_scores])
        return 2 * self._penalty(discriminator, images, scores, step.rng)
