"""Small critics with known gradients, and steps as the trainer makes them."""

from typing import Any

import torch
from torch import Tensor, nn

from gan_zoo.types import Batch, CriticOutput, CriticStep

REAL = [[1.0, -2.0, 0.5], [0.0, 3.0, 1.0], [-1.5, 0.2, 2.0], [0.7, 0.7, -0.7], [4.0, 1.0, -3.0]]
FAKE = [[0.0, 1.0, -0.5], [2.0, -1.0, 0.3], [0.4, 0.4, 0.4], [-3.0, 2.0, 1.0], [0.1, 0.0, -2.0]]


class Critic(nn.Module):
    """A score function of (N, ...) points and a class head; ``seen`` records its inputs."""

    def __init__(self, score: nn.Module):
        super().__init__()
        self.score = score
        self.class_head = nn.Linear(2, 3).double()
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> CriticOutput:
        self.seen.append(images.detach().clone())
        return CriticOutput(self.score(images), images.new_zeros(len(images), 3))

    def adversarial_parameters(self) -> Any:
        """Return the parameters of the score function."""
        return self.score.parameters()


class Linear(nn.Module):
    """w . x + 0.3, whose gradient is w everywhere."""

    def __init__(self, weights: list[float]):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(weights, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.w + 0.3


class Curved(nn.Module):
    """A smooth network whose gradient depends on every one of its parameters."""

    def __init__(self) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(4)
        self.first = nn.Parameter(torch.randn(3, 4, generator=rng, dtype=torch.float64))
        self.second = nn.Parameter(torch.randn(4, generator=rng, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.first) @ self.second


class Once(nn.Module):
    """w . x without a second derivative: a penalty of its gradient cannot be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = _Product.apply(x, self.w)
        return scores


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, w = ctx.saved_tensors
        return _Gradients.apply(gradient, x, w)


class _Gradients(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        return gradient[:, None] * w, gradient @ x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        raise RuntimeError("this critic has no second derivative")


def samples(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Return five real and five fake points in three dimensions."""
    return torch.tensor(REAL, dtype=dtype), torch.tensor(FAKE, dtype=dtype)


def take_step(critic: Critic, real: Tensor, fake: Tensor, seed: int = 0) -> CriticStep:
    """Return a step as the trainer prepares it: one mixed forward pass of leaves."""
    real, fake = (x.detach().clone().requires_grad_() for x in (real, fake))
    scores = critic(torch.cat([real, fake])).scores
    critic.seen.clear()
    labels = torch.zeros(len(real), dtype=torch.int64)
    return CriticStep(
        Batch(real, labels),
        Batch(fake, labels),
        scores[: len(real)],
        scores[len(real) :],
        torch.Generator().manual_seed(seed),
    )
