"""Points from known distributions, to study mode collapse and convergence.

Every set is float32 (N, D) with its own seed; labels are mode indices. ``samples`` counts training
and validation points together (the last sixth is the validation part); the test part has a sixth
as many more.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gan_zoo.data.dataset import hold_out
from gan_zoo.data.random_streams import stream
from gan_zoo.types import Dataset, Split

MAX_SAMPLES = 20_000_000  # about 60 bytes each while they are drawn
SAMPLES = 120_000  # 100,000 to train on, as in PacGAN's experiments


class Modes(NamedTuple):
    """A mixture of K isotropic Gaussians in D dimensions, in float64."""

    weights: Tensor  # (K,) sum 1
    means: Tensor  # (K, D)
    stds: Tensor  # (K,)

    def sample(self, count: int, rng: torch.Generator) -> Split:
        """Draw independent points, float32 (count, D), with their modes as labels."""
        labels = torch.multinomial(self.weights, count, replacement=True, generator=rng)
        noise = torch.randn(count, self.means.shape[1], generator=rng, dtype=torch.float64)
        points = self.means[labels] + self.stds[labels, None] * noise
        return Split(points.float(), labels)

    def log_density(self, points: Tensor) -> Tensor:
        """Return log sum_k w_k N(x; m_k, s_k^2 I) of (N, D) points, in nats: (N,) float64."""
        dim = self.means.shape[1]
        z = (points.double()[:, None] - self.means) / self.stds[:, None]
        logs = self.weights.log() - z.square().sum(2) / 2 - dim * self.stds.log()
        return logs.logsumexp(1) - dim / 2 * math.log(2 * math.pi)


def gaussian_mixture_1d_modes() -> Modes:
    """Return 0.33 N(-1, variance 0.065) + 0.67 N(2, variance 2).

    Source: the univariate experiment of f-GAN (Nowozin, Cseke, Tomioka 2016, arXiv 1606.00709,
    section 2.4). These five numbers are a fit to the optimal Gaussians and divergences of its
    table, which they reproduce within 7e-4.
    """
    return Modes(
        weights=torch.tensor([0.33, 0.67], dtype=torch.float64),
        means=torch.tensor([[-1.0], [2.0]], dtype=torch.float64),
        stds=torch.tensor([0.065, 2.0], dtype=torch.float64).sqrt(),
    )


def ring_modes() -> Modes:
    """Return eight Gaussians of standard deviation 0.01 on the unit circle, at angles 2 pi k / 8.

    Source: PacGAN (Lin et al. 2018, arXiv 1712.04086, table 1). All eight are distinct: an
    evenly spaced range that includes both 0 and 2 pi would double one.
    """
    angles = torch.arange(8, dtype=torch.float64) * (2 * math.pi / 8)
    return _equal(torch.stack([angles.cos(), angles.sin()], 1), 0.01)


def grid_modes() -> Modes:
    """Return 25 Gaussians of deviation 0.05 at {-4, -2, 0, 2, 4}^2; mode 5 i + j at (x_i, y_j).

    Source: PacGAN (Lin et al. 2018, arXiv 1712.04086, table 1).
    """
    ticks = torch.arange(-4, 5, 2, dtype=torch.float64)
    return _equal(torch.cartesian_prod(ticks, ticks), 0.05)


def gaussian_mixture_1d(seed: int = 0, samples: int = SAMPLES) -> Dataset:
    """Draw points of ``gaussian_mixture_1d_modes``, (N, 1)."""
    return _from_modes("gaussian_mixture_1d", gaussian_mixture_1d_modes(), seed, samples)


def ring(seed: int = 0, samples: int = SAMPLES) -> Dataset:
    """Draw points of ``ring_modes``, (N, 2)."""
    return _from_modes("ring", ring_modes(), seed, samples)


def grid(seed: int = 0, samples: int = SAMPLES) -> Dataset:
    """Draw points of ``grid_modes``, (N, 2)."""
    return _from_modes("grid", grid_modes(), seed, samples)


def swiss_roll(seed: int = 0, samples: int = SAMPLES) -> Dataset:
    """Draw a rolled band: (t cos t, t sin t) + N(0, 0.25^2 I), all divided by 7.5, (N, 2).

    t = 1.5 pi (1 + 2 u) with u ~ U(0, 1); one class.

    Source: the toy sets of the WGAN-GP paper (Gulrajani et al. 2017, arXiv 1704.00028, figure 1).
    """

    def draw(count: int, rng: torch.Generator) -> Split:
        t = 1.5 * math.pi * (1 + 2 * torch.rand(count, generator=rng, dtype=torch.float64))
        noise = 0.25 * torch.randn(count, 2, generator=rng, dtype=torch.float64)
        points = (torch.stack([t * t.cos(), t * t.sin()], 1) + noise) / 7.5
        return Split(points.float(), torch.zeros(count, dtype=torch.int64))

    return _dataset("swiss_roll", 1, draw, seed, samples)


def dirac(samples: int = 600) -> Dataset:
    """Return points that are all 0, (N, 1): the data of the Dirac-GAN; one class.

    Source: Mescheder, Geiger, Nowozin 2018 (arXiv 1801.04406), definition 2.1.
    """

    def draw(count: int, rng: torch.Generator) -> Split:
        return Split(torch.zeros(count, 1), torch.zeros(count, dtype=torch.int64))

    return _dataset("dirac", 1, draw, 0, samples)


def two_clusters(seed: int = 0, samples: int = SAMPLES) -> Dataset:
    """Half of the points ~ U(0, 0.3), the other half ~ U(4, 4.3), (N, 1); label: which half.

    Source: the two clusters of RS-GAN's authors (Sun, Fang, Schwing 2020, arXiv 2011.04926).
    """

    def draw(count: int, rng: torch.Generator) -> Split:
        labels = torch.randint(2, (count,), generator=rng)
        points = 4 * labels + 0.3 * torch.rand(count, generator=rng)
        return Split(points[:, None], labels)

    return _dataset("two_clusters", 2, draw, seed, samples)


def parallel_lines(seed: int = 0, samples: int = SAMPLES) -> Dataset:
    """Return the line (0, y), y ~ U(0, 1), (N, 2): the real one of two parallel lines; one class.

    Source: example 1 of Arjovsky, Chintala, Bottou 2017 (arXiv 1701.07875).
    """

    def draw(count: int, rng: torch.Generator) -> Split:
        y = torch.rand(count, generator=rng)
        labels = torch.zeros(count, dtype=torch.int64)
        return Split(torch.stack([torch.zeros_like(y), y], 1), labels)

    return _dataset("parallel_lines", 1, draw, seed, samples)


def _equal(means: Tensor, std: float) -> Modes:
    count = len(means)
    weights = torch.full((count,), 1 / count, dtype=torch.float64)
    return Modes(weights, means, torch.full((count,), std, dtype=torch.float64))


def _from_modes(name: str, modes: Modes, seed: int, samples: int) -> Dataset:
    return _dataset(name, len(modes.means), modes.sample, seed, samples)


def _dataset(
    name: str,
    num_classes: int,
    draw: Callable[[int, torch.Generator], Split],
    seed: int,
    samples: int,
) -> Dataset:
    if seed < 0:
        raise ValueError(f"data.seed must be at least 0, got {seed}")
    if not 6 <= samples <= MAX_SAMPLES:
        raise ValueError(
            f"data.samples must be from 6, as a sixth is held out, to {MAX_SAMPLES}, got {samples}"
        )
    training = draw(samples, stream(seed, f"{name}/train"))
    test = draw(samples // 6, stream(seed, f"{name}/test"))
    return hold_out(name, num_classes, training, test)
