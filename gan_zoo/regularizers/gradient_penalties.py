"""Penalties on the gradient of D's score by its input, one gradient for each sample.

WGAN-GP, WGAN-LP, WGAN-div and 0-GP take it between real and fake samples, DRAGAN around the real
ones: one forward and one backward pass at new points.  R1 and R2 take it at the samples themselves,
from the scores that D has already computed, without a further forward pass.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gan_zoo.regularizers.base import Penalty, require_positive
from gan_zoo.types import CriticStep, Discriminator


class _GradientPenalty(Penalty):
    penalises_gradients = True


@dataclass(frozen=True)
class _AtSamples(_GradientPenalty):
    needs_image_gradients = True

    gamma: float = 10.0

    def __post_init__(self) -> None:
        require_positive(gamma=self.gamma)


@dataclass(frozen=True)
class GradientPenalty(_GradientPenalty):
    """weight * mean (||grad D(x^)|| - target)^2, x^ = e x_real + (1 - e) x_fake.

    The norm and e ~ U(0, 1) belong to one sample each.  Two-sided: norms below the target cost too.

    Args:
        weight: lambda.
        target: the norm to reach, 1 in the paper.

    Raises:
        ValueError: a parameter is not above 0.

    Source: Gulrajani et al. 2017 (arXiv 1704.00028), equation 3.
    """

    weight: float = 10.0
    target: float = 1.0

    def __post_init__(self) -> None:
        require_positive(weight=self.weight, target=self.target)

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return the penalty at new interpolates."""
        found = norms(gradients_at(discriminator, interpolates(step)))
        return self.weight * (found - self.target).square().mean()


@dataclass(frozen=True)
class LipschitzPenalty(_GradientPenalty):
    """weight * mean max(0, ||grad D(x^)|| - target)^2, x^ = e x_real + (1 - e) x_fake.

    A critic may be flatter than the target, as an optimal critic is wherever no mass has to be
    moved; only steeper ones pay.  The norm and e ~ U(0, 1) belong to one sample each.

    Args:
        weight: lambda.
        target: the largest norm that is free, 1 in the paper.

    Raises:
        ValueError: a parameter is not above 0.

    Source: Petzka, Fischer, Lukovnikov 2018 (arXiv 1709.08894), at WGAN-GP's points.
    """

    weight: float = 10.0
    target: float = 1.0

    def __post_init__(self) -> None:
        require_positive(weight=self.weight, target=self.target)

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return the penalty at new interpolates."""
        found = norms(gradients_at(discriminator, interpolates(step)))
        return self.weight * (found - self.target).relu().square().mean()


@dataclass(frozen=True)
class WganDivPenalty(_GradientPenalty):
    """k * mean ||grad D(x^)||^p, x^ = e x_real + (1 - e) x_fake, e ~ U(0, 1) for each sample.

    With the Wasserstein loss, the maximum over all critics is a divergence for any k > 0, p > 1; no
    Lipschitz constraint is needed.

    Args:
        k: factor.
        p: power of the norm, above 1.

    Raises:
        ValueError: k is not above 0, or p not above 1.

    Source: Wu et al. 2018 (arXiv 1712.01026).  Some other implementations take the gradients at
    real and fake samples, with k / 2 each.
    """

    k: float = 2.0
    p: float = 6.0

    def __post_init__(self) -> None:
        require_positive(k=self.k)
        if not 1 < self.p < float("inf"):
            raise ValueError(
                f"regularizer.p must be finite and above 1, got {self.p}: the penalty must be"
                " smooth at 0"
            )

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return the penalty at new interpolates."""
        found = norms(gradients_at(discriminator, interpolates(step)))
        return self.k * found.pow(self.p).mean()


@dataclass(frozen=True)
class ZeroCenteredPenalty(_GradientPenalty):
    """weight * mean ||grad D(x^)||^2, x^ = e x_real + (1 - e) x_fake.

    Where generated and real samples agree, the optimal critic is flat, so this penalty has the
    GAN's equilibrium as its minimum (a target norm of 1 has not).  e ~ U(0, 1) for each sample.

    Args:
        weight: lambda.

    Raises:
        ValueError: weight is not above 0.

    Source: Thanh-Tung, Tran, Venkatesh 2019 (arXiv 1902.03984), 0-GP.
    """

    weight: float = 10.0

    def __post_init__(self) -> None:
        require_positive(weight=self.weight)

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return the penalty at new interpolates."""
        return self.weight * _mean_square(gradients_at(discriminator, interpolates(step)))


@dataclass(frozen=True)
class Dragan(_GradientPenalty):
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

    weight: float = 10.0
    target: float = 1.0
    noise: float = 0.5

    def __post_init__(self) -> None:
        require_positive(weight=self.weight, target=self.target, noise=self.noise)

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return the penalty near the real samples."""
        real = step.real.images.detach()
        noise = torch.rand(real.shape, generator=step.rng, device=real.device, dtype=real.dtype)
        spread = self.noise * real.std(correction=0) * one_per_sample(real, step.rng)
        found = norms(gradients_at(discriminator, real + spread * noise))
        return self.weight * (found - self.target).square().mean()


@dataclass(frozen=True)
class R1(_AtSamples):
    """gamma / 2 * mean ||grad D(x_real)||^2.

    Args:
        gamma: twice the factor of the mean squared norm.

    Raises:
        ValueError: gamma is not above 0.

    Source: Mescheder, Geiger, Nowozin 2018 (arXiv 1801.04406), equation 9.  The authors' code
    leaves out the 1/2, so that its reg_param = 10 is gamma = 20 here.
    """

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return the penalty at the real samples."""
        (gradients,) = input_gradients(step.real_scores, [step.real.images])
        return self.gamma / 2 * _mean_square(gradients)


@dataclass(frozen=True)
class R2(_AtSamples):
    """gamma / 2 * mean ||grad D(x_fake)||^2.

    Args:
        gamma: twice the factor of the mean squared norm.

    Raises:
        ValueError: gamma is not above 0.

    Source: Mescheder, Geiger, Nowozin 2018 (arXiv 1801.04406), equation 10.
    """

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return the penalty at the fake samples."""
        (gradients,) = input_gradients(step.fake_scores, [step.fake.images])
        return self.gamma / 2 * _mean_square(gradients)


@dataclass(frozen=True)
class R1R2(_AtSamples):
    """gamma / 2 * (mean ||grad D(x_real)||^2 + mean ||grad D(x_fake)||^2), at every step.

    Args:
        gamma: twice the factor of the mean squared norm.

    Raises:
        ValueError: gamma is not above 0.

    Source: Huang et al. 2024 (arXiv 2501.05441) after Mescheder et al. 2018.
    """

    gamma: float = 1.0

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return both penalties, from one backward pass."""
        scores = step.real_scores.sum() + step.fake_scores.sum()
        real, fake = input_gradients(scores, [step.real.images, step.fake.images])
        return self.gamma / 2 * (_mean_square(real) + _mean_square(fake))


def input_gradients(scores: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """Return the gradient of each sample's score by that sample, differentiable once more.

    One backward pass of the sum of all scores: as long as the score of each sample depends on that
    sample alone (no batch norm), sample i's part of it is the gradient of score i.

    Shapes: scores (M,), inputs (N, ...) each -> (N, everything else flattened) each, in float32
    at least.
    """
    gradients = torch.autograd.grad(scores.sum(), inputs, create_graph=True)
    return [g.flatten(1).to(torch.promote_types(g.dtype, torch.float32)) for g in gradients]


def gradients_at(discriminator: Discriminator, points: Tensor) -> Tensor:
    """Return the gradients of D's scores at new points: one forward and one backward pass.

    Shapes: (N, ...) -> (N, everything else flattened).
    """
    points = points.detach().requires_grad_()
    return input_gradients(discriminator(points).scores, [points])[0]


def norms(gradients: Tensor) -> Tensor:
    """Return the Euclidean norm of each row; where a row is 0, so is the gradient of its norm.

    Shapes: (N, D) -> (N,).
    """
    return torch.linalg.vector_norm(gradients, dim=1)


def interpolates(step: CriticStep) -> Tensor:
    """Return e x_real + (1 - e) x_fake with e ~ U(0, 1), one e for each pair of samples.

    Shapes: (N, ...), the images' shape.
    """
    real, fake = step.real.images.detach(), step.fake.images.detach()
    return torch.lerp(fake, real, one_per_sample(real, step.rng))


def one_per_sample(images: Tensor, rng: torch.Generator) -> Tensor:
    """Return a uniform number in [0, 1) for each sample, shaped (N, 1, ...) as the images."""
    shape = (len(images), *(1 for _ in images.shape[1:]))
    return torch.rand(shape, generator=rng, device=images.device, dtype=images.dtype)


def _mean_square(gradients: Tensor) -> Tensor:
    """Return the mean over samples of the squared norm."""
    return gradients.square().sum(1).mean()
