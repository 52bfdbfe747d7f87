"""Samplers of a generator's inputs: latents and labels."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Uniform:
    """Latents z ~ U(low, high), independent in each dimension; the Keras example uses (-1, 1)."""

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.high - self.low <= torch.finfo(torch.float32).max:
            raise ValueError(
                f"latents.low must be below latents.high, both finite, got {self.low}, {self.high}"
            )

    def __call__(self, count: int, dim: int, rng: torch.Generator) -> Tensor:
        """Return (count, dim) float32 on the generator's device."""
        z = torch.empty(count, dim, device=rng.device)
        return z.uniform_(self.low, self.high, generator=rng)


@dataclass(frozen=True)
class Normal:
    """Latents z ~ N(0, std^2), independent in each dimension."""

    std: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.std < math.inf:
            raise ValueError(f"latents.std must be finite and above 0, got {self.std}")

    def __call__(self, count: int, dim: int, rng: torch.Generator) -> Tensor:
        """Return (count, dim) float32 on the generator's device."""
        return torch.empty(count, dim, device=rng.device).normal_(0, self.std, generator=rng)


@dataclass(frozen=True)
class UniformLabels:
    """Labels drawn independently and uniformly, as in the Keras example."""

    def __call__(self, count: int, num_classes: int, rng: torch.Generator) -> Tensor:
        """Return (count,) int64 in [0, num_classes)."""
        return torch.randint(num_classes, (count,), generator=rng, device=rng.device)


@dataclass(frozen=True)
class BalancedLabels:
    """Labels in random order, of each class as equally many as the count allows."""

    def __call__(self, count: int, num_classes: int, rng: torch.Generator) -> Tensor:
        """Return (count,) int64 in [0, num_classes)."""
        order = torch.randperm(count, generator=rng, device=rng.device)
        return order % num_classes
