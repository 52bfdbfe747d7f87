"""What a generator is fed: latents and labels."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Uniform:
    """Latents z ~ U(low, high), independent in each dimension (the source document: -1, 1)."""

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.high - self.low <= torch.finfo(torch.float32).max:
            raise ValueError(
                f"latents.low is {self.low}, latents.high {self.high}; allowed: finite, low < high"
            )

    def __call__(self, count: int, dim: int, rng: torch.Generator) -> Tensor:
        """(count, dim) float32 on the generator's device."""
        z = torch.empty(count, dim, device=rng.device)
        return z.uniform_(self.low, self.high, generator=rng)


@dataclass(frozen=True)
class Normal:
    """Latents z ~ N(0, std^2), independent in each dimension."""

    std: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.std < math.inf:
            raise ValueError(f"latents.std is {self.std}; allowed: more than 0")

    def __call__(self, count: int, dim: int, rng: torch.Generator) -> Tensor:
        """(count, dim) float32 on the generator's device."""
        return torch.empty(count, dim, device=rng.device).normal_(0, self.std, generator=rng)


@dataclass(frozen=True)
class UniformLabels:
    """Labels drawn independently and uniformly from the classes (the source document's way)."""

    def __call__(self, count: int, num_classes: int, rng: torch.Generator) -> Tensor:
        """(count,) int64 in [0, num_classes)."""
        return torch.randint(num_classes, (count,), generator=rng, device=rng.device)


@dataclass(frozen=True)
class BalancedLabels:
    """As near to equally many labels of each class as the count allows, in random order."""

    def __call__(self, count: int, num_classes: int, rng: torch.Generator) -> Tensor:
        """(count,) int64 in [0, num_classes)."""
        order = torch.randperm(count, generator=rng, device=rng.device)
        return order % num_classes
