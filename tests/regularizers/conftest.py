"""Small critics with known gradients, and steps that the trainer would make."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gan_zoo.testing import critics
from gan_zoo.testing.critics import Critic, Curved, Linear
from gan_zoo.types import CriticStep


class Quadratic(nn.Module):
    """sum_k a_k x_k^2 / 2, whose gradient at x is a * x: another one for each sample."""

    def __init__(self, curvatures):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(curvatures, dtype=torch.float64))

    def forward(self, x):
        return (x.flatten(1).square() * self.a).sum(1) / 2


@pytest.fixture
def real() -> torch.Tensor:
    return critics.samples()[0]


@pytest.fixture
def fake() -> torch.Tensor:
    return critics.samples()[1]


@pytest.fixture
def take_step() -> Callable[..., CriticStep]:
    return critics.take_step


@pytest.fixture
def linear() -> Callable[..., Critic]:
    return lambda weights: Critic(Linear(weights))


@pytest.fixture
def quadratic() -> Callable[..., Critic]:
    return lambda curvatures: Critic(Quadratic(curvatures))


@pytest.fixture
def curved() -> Critic:
    return Critic(Curved())
