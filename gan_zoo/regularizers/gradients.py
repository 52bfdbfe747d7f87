"""Per-sample gradients of scores by inputs, and the points at which penalties take them."""

import torch
from torch import Tensor

from gan_zoo.types import CriticStep, Discriminator


def input_gradients(scores: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """The gradient of each sample's score by that sample, differentiable once more.

    One backward pass of the sum of all scores: as long as D treats samples apart from each other
    (no batch norm), sample i's part of it is the gradient of score i alone.

    Shapes: scores (M,), inputs (N, ...) each -> (N, everything else flattened) each, in float32
    at least.
    """
    gradients = torch.autograd.grad(scores.sum(), inputs, create_graph=True)
    return [g.flatten(1).to(torch.promote_types(g.dtype, torch.float32)) for g in gradients]


def gradients_at(discriminator: Discriminator, points: Tensor) -> Tensor:
    """Gradients of D's scores at points that D has not seen yet: one forward, one backward pass.

    Shapes: (N, ...) -> (N, everything else flattened).
    """
    points = points.detach().requires_grad_()
    return input_gradients(discriminator(points).scores, [points])[0]


def norms(gradients: Tensor) -> Tensor:
    """The Euclidean norm of each row; where a row is zero, so is the gradient of its norm.

    Shapes: (N, D) -> (N,).
    """
    return torch.linalg.vector_norm(gradients, dim=1)


def interpolates(step: CriticStep) -> Tensor:
    """e x_real + (1 - e) x_fake with e ~ U(0, 1), one e for each pair of samples.

    Shapes: (N, ...), the images' shape.
    """
    real, fake = step.real.images.detach(), step.fake.images.detach()
    return torch.lerp(fake, real, one_per_sample(real, step.rng))


def one_per_sample(images: Tensor, rng: torch.Generator) -> Tensor:
    """A uniform number in [0, 1) for each sample, shaped to multiply the images: (N, 1, ...)."""
    shape = (len(images), *(1 for _ in images.shape[1:]))
    return torch.rand(shape, generator=rng, device=images.device, dtype=images.dtype)
