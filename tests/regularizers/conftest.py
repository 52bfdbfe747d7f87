"""Small critics with known gradients, and steps that the trainer would make."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gan_zoo.interfaces import Batch, CriticOutput, CriticStep


class Critic(nn.Module):
    """A score function of (N, D) points beside a class head; remembers what it was shown."""

    def __init__(self, score: nn.Module):
        super().__init__()
        self.score = score
        self.class_head = nn.Linear(2, 3).double()
        self.seen: list[torch.Tensor] = []

    def forward(self, images):
        self.seen.append(images.detach().clone())
        return CriticOutput(self.score(images), images.new_zeros(len(images), 3))

    def adversarial_parameters(self):
        return self.score.parameters()


class Linear(nn.Module):
    """w . x + 0.3, whose gradient is w everywhere."""

    def __init__(self, weights):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(weights, dtype=torch.float64))

    def forward(self, x):
        return x.flatten(1) @ self.w + 0.3


class Quadratic(nn.Module):
    """sum_k a_k x_k^2 / 2, whose gradient at x is a * x: another one for each sample."""

    def __init__(self, curvatures):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(curvatures, dtype=torch.float64))

    def forward(self, x):
        return (x.flatten(1).square() * self.a).sum(1) / 2


class Curved(nn.Module):
    """A smooth network whose gradient depends on every one of its parameters."""

    def __init__(self):
        super().__init__()
        rng = torch.Generator().manual_seed(4)
        self.first = nn.Parameter(torch.randn(3, 4, generator=rng, dtype=torch.float64))
        self.second = nn.Parameter(torch.randn(4, generator=rng, dtype=torch.float64))

    def forward(self, x):
        return torch.tanh(x @ self.first) @ self.second


REAL = [[1.0, -2.0, 0.5], [0.0, 3.0, 1.0], [-1.5, 0.2, 2.0], [0.7, 0.7, -0.7], [4.0, 1.0, -3.0]]
FAKE = [[0.0, 1.0, -0.5], [2.0, -1.0, 0.3], [0.4, 0.4, 0.4], [-3.0, 2.0, 1.0], [0.1, 0.0, -2.0]]


@pytest.fixture
def real() -> torch.Tensor:
    return torch.tensor(REAL, dtype=torch.float64)


@pytest.fixture
def fake() -> torch.Tensor:
    return torch.tensor(FAKE, dtype=torch.float64)


@pytest.fixture
def take_step() -> Callable[..., CriticStep]:
    """(critic, real, fake) -> the step as the trainer prepares it: one mixed forward pass."""

    def take(critic, real, fake, seed=0):
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

    return take


@pytest.fixture
def linear() -> Callable[..., Critic]:
    return lambda weights: Critic(Linear(weights))


@pytest.fixture
def quadratic() -> Callable[..., Critic]:
    return lambda curvatures: Critic(Quadratic(curvatures))


@pytest.fixture
def curved() -> Critic:
    return Critic(Curved())
