"""Two halves of the same real images, as the shipped network sees them: every number is known."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_zoo.data.batches import normalise
from gan_zoo.data.mnist import load_mnist
from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.features.extractor import load_extractor
from gan_zoo.evaluation.metrics.fid import fid
from gan_zoo.evaluation.metrics.kid import kid
from gan_zoo.evaluation.metrics.precision_recall import precision_recall_density_coverage

HALF = 10_000
SPLITS = 8


@pytest.fixture(scope="module")
def features() -> Tensor:
    """Of 20,000 random training images."""
    images = load_mnist().train.images
    chosen = torch.randperm(len(images), generator=stream(0, "halves"))[: 2 * HALF]
    return load_extractor("mnistcnn").extract(normalise(images[chosen])).features


def halves(features: Tensor, number: int, size: int = HALF) -> tuple[Tensor, Tensor]:
    """A random division of the rows into two sets of ``size``."""
    order = torch.randperm(len(features), generator=stream(number, "halves"))
    return features[order[:size]], features[order[size : 2 * size]]


def expected_fid(features: Tensor, count: int) -> float:
    """Mean FID of two independent sets of ``count``, to first order in 1 / count.

    The means differ by tr S 2/n.  Near S, the squared Bures distance of S + E is, in S's
    eigenbasis, 1/2 sum_ij E_ij^2 / (l_i + l_j), and E_ij has variance Var(x_i x_j) 2/n.
    """
    x = features.double().numpy()
    x = x - x.mean(0)
    values, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
    y = x @ vectors
    variance = (y**2).T @ (y**2) / len(y) - ((y.T @ y) / len(y)) ** 2
    bures = (variance / (values[:, None] + values[None])).sum() / 2
    return float((values.sum() + bures) * 2 / count)


def test_the_expected_fid_of_gaussians_is_the_known_one():
    # identity covariance in d dimensions: (d + d (d + 1) / 4) 2 / n
    normal = torch.randn(200_000, 6, generator=stream(0, "normal"), dtype=torch.float64)
    assert expected_fid(normal, 1000) == pytest.approx((6 + 6 * 7 / 4) * 2 / 1000, rel=0.02)


def test_fid_is_its_sampling_bias(features):
    found = [fid(*halves(features, number)) for number in range(SPLITS)]
    # Drawn without replacement from 2n images: one half has more of what the other has less, and
    # the variance of their difference is that of independent sets.
    assert np.mean(found) == pytest.approx(expected_fid(features, HALF), rel=0.1)


def test_kid_is_zero_on_average(features):
    found = np.array([kid(*halves(features, number, 1000)) for number in range(40)])
    error = found.std(ddof=1) / math.sqrt(len(found))
    assert abs(found.mean()) < 3.5 * error
    assert (found < 0).any()


def test_density_is_one_and_coverage_what_chance_leaves(features):
    found = precision_recall_density_coverage(*halves(features, 0), k=5)
    chance = 1 - math.prod((HALF - i) / (2 * HALF - i) for i in range(1, 6))
    assert chance == pytest.approx(0.969, abs=5e-4)
    assert found.density == pytest.approx(1, abs=0.02)
    assert found.coverage == pytest.approx(chance, abs=0.005)
    assert found.precision == pytest.approx(found.recall, abs=0.01)
