"""The f-divergences' definitions, written down independently of the package.

``f``, ``slope`` (its derivative), ``conjugate`` (f* on dom f*) and the domain are those of the
textbook; numpy float64 throughout.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.special import lambertw, xlogy

from gan_zoo.losses.divergences import (
    Alpha,
    Divergence,
    Gan,
    Jeffrey,
    JensenShannon,
    KullbackLeibler,
    Neyman,
    Pearson,
    ReverseKullbackLeibler,
    SquaredHellinger,
    TotalVariation,
    WeightedJensenShannon,
)

INF = float("inf")


@dataclass(frozen=True)
class Truth:
    name: str
    divergence: Divergence
    f: Callable  # u >= 0 (or > 0) -> R
    slope: Callable  # f'(u)
    conjugate: Callable  # f*(t), t in the interior of dom f*
    domain: tuple[float, float]  # of f*, its interior

    def score(self, u: float) -> float:
        """The score whose T is f'(u), found by bisection; +-40 where T only tends to it."""
        target = float(self.slope(u))

        def miss(v: float) -> float:
            return float(self.divergence.activation(torch.tensor(v, dtype=torch.float64))) - target

        if self.name == "total_variation" and target:
            return 40.0 * np.sign(target)
        return brentq(miss, -500.0, 500.0, xtol=1e-14, rtol=1e-14)


def _weighted_js(pi: float) -> Truth:
    def mixed(u):
        return 1 - pi + pi * u

    return Truth(
        f"jensen_shannon_weighted_{pi}",
        WeightedJensenShannon(pi),
        lambda u: pi * xlogy(u, u) - mixed(u) * np.log(mixed(u)),
        lambda u: pi * np.log(u / mixed(u)),
        lambda t: (1 - pi) * np.log((1 - pi) / (1 - pi * np.exp(t / pi))),
        (-INF, -pi * np.log(pi)),
    )


def _alpha(a: float) -> Truth:
    def conjugate(t):
        return (np.maximum(0.0, t * (a - 1) + 1) ** (a / (a - 1)) - 1) / a

    return Truth(
        f"alpha_{a}",
        Alpha(a),
        lambda u: (u**a - 1 - a * (u - 1)) / (a * (a - 1)),
        lambda u: (u ** (a - 1) - 1) / (a - 1),
        conjugate,
        (-INF, INF) if a > 1 else (-INF, 1 / (1 - a)),
    )


def _jeffrey_conjugate(t):
    w = lambertw(np.exp(1 - t)).real
    return w + 1 / w + t - 2


TRUTHS = [
    Truth(
        "total_variation",
        TotalVariation(),
        lambda u: np.abs(u - 1) / 2,
        lambda u: np.sign(u - 1) / 2,
        lambda t: t,
        (-0.5, 0.5),
    ),
    Truth(
        "kl",
        KullbackLeibler(),
        lambda u: xlogy(u, u),
        lambda u: 1 + np.log(u),
        lambda t: np.exp(t - 1),
        (-INF, INF),
    ),
    Truth(
        "reverse_kl",
        ReverseKullbackLeibler(),
        lambda u: -np.log(u),
        lambda u: -1 / u,
        lambda t: -1 - np.log(-t),
        (-INF, 0.0),
    ),
    Truth(
        "pearson",
        Pearson(),
        lambda u: (u - 1) ** 2,
        lambda u: 2 * (u - 1),
        lambda t: np.where(t < -2, -1.0, t**2 / 4 + t),
        (-INF, INF),
    ),
    Truth(
        "neyman",
        Neyman(),
        lambda u: (1 - u) ** 2 / u,
        lambda u: 1 - u**-2.0,
        lambda t: 2 - 2 * np.sqrt(1 - t),
        (-INF, 1.0),
    ),
    Truth(
        "squared_hellinger",
        SquaredHellinger(),
        lambda u: (np.sqrt(u) - 1) ** 2,
        lambda u: 1 - u**-0.5,
        lambda t: t / (1 - t),
        (-INF, 1.0),
    ),
    Truth(
        "jeffrey",
        Jeffrey(),
        lambda u: (u - 1) * np.log(u),
        lambda u: 1 + np.log(u) - 1 / u,
        _jeffrey_conjugate,
        (-INF, INF),
    ),
    Truth(
        "jensen_shannon",
        JensenShannon(),
        lambda u: xlogy(u, u) - (u + 1) * np.log((1 + u) / 2),
        lambda u: np.log(2 * u / (1 + u)),
        lambda t: -np.log(2 - np.exp(t)),
        (-INF, np.log(2)),
    ),
    Truth(
        "gan",
        Gan(),
        lambda u: xlogy(u, u) - (u + 1) * np.log(u + 1),
        lambda u: np.log(u / (1 + u)),
        lambda t: -np.log(1 - np.exp(t)),
        (-INF, 0.0),
    ),
    *(_weighted_js(pi) for pi in (0.2, 0.5, 0.9)),
    *(_alpha(a) for a in (-2.0, -1.0, 0.1, 0.5, 0.9, 1.1, 1.5, 2.0, 3.0)),
    Truth(
        "alpha_0",
        Alpha(0.0),
        lambda u: -np.log(u) + u - 1,
        lambda u: 1 - 1 / u,
        lambda t: -np.log(1 - t),
        (-INF, 1.0),
    ),
    Truth(
        "alpha_1",
        Alpha(1.0),
        lambda u: xlogy(u, u) - u + 1,
        lambda u: np.log(u),
        lambda t: np.exp(t) - 1,
        (-INF, INF),
    ),
]


@pytest.fixture(params=TRUTHS, ids=lambda truth: truth.name)
def truth(request) -> Truth:
    """Each divergence in turn."""
    return request.param


@pytest.fixture
def truths() -> dict[str, Truth]:
    """All of them by name."""
    return {entry.name: entry for entry in TRUTHS}


@dataclass(frozen=True)
class Pair:
    """Two distributions on a few atoms, as samples: atom k occurs p[k] resp. q[k] times of n."""

    p: np.ndarray
    q: np.ndarray

    def samples(self, scores: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Real and fake scores of the samples, when atom k is scored ``scores[k]``."""
        return (
            torch.tensor(np.repeat(scores, self.p), dtype=torch.float64),
            torch.tensor(np.repeat(scores, self.q), dtype=torch.float64),
        )

    def divergence(self, f: Callable) -> float:
        """sum q f(p / q)."""
        return float(np.sum(self.q / self.q.sum() * f(self.p / self.q)))


def random_pair(seed: int) -> Pair:
    """Six atoms, all of them in both distributions, 60 samples of each."""
    rng = np.random.default_rng(seed)
    p, q = (1 + rng.multinomial(54, rng.dirichlet(np.full(6, 0.7))) for _ in range(2))
    return Pair(p, q)


@pytest.fixture(params=range(4))
def pair(request) -> Pair:
    """Random pairs of distributions."""
    return random_pair(request.param)
