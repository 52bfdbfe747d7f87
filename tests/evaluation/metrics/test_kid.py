import math

import numpy as np
import pytest
import torch

from gan_zoo.evaluation.metrics import distances
from gan_zoo.evaluation.metrics.kid import kid


def normal(count, dim, seed, shift=0.0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=rng, dtype=torch.float64) + shift


def by_loops(real, fake):
    """The definition, pair by pair."""
    x, y = real.numpy(), fake.numpy()
    k = lambda a, b: (a @ b / len(a) + 1) ** 3  # noqa: E731
    n, m = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    xy = sum(k(a, b) for a in x for b in y) / (n * m)
    return xx + yy - 2 * xy


def test_agrees_with_the_definition():
    real, fake = normal(7, 3, 0), normal(11, 3, 1, shift=0.4)
    assert kid(real, fake) == pytest.approx(by_loops(real, fake), rel=1e-12)


def test_blocks_change_nothing(monkeypatch):
    real, fake = normal(23, 3, 2), normal(31, 3, 3, shift=0.4)
    whole = kid(real, fake)
    monkeypatch.setattr(distances, "BLOCK", 200)
    assert kid(real, fake) == pytest.approx(whole, rel=1e-12)


def test_two_points_each_in_closed_form():
    # d = 1: k(1, 2) = 27, k(0, 3) = 1, cross: k(1, 0) + k(1, 3) + k(2, 0) + k(2, 3) = 1+64+1+343
    real, fake = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [3.0]])
    assert kid(real, fake) == pytest.approx(27 + 1 - 2 * 409 / 4, rel=1e-14)


def test_unbiased_at_equal_distributions():
    values = np.array([kid(normal(60, 4, 2 * i), normal(40, 4, 2 * i + 1)) for i in range(300)])
    standard_error = values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean()) < 3.5 * standard_error
    assert 0.3 < (values < 0).mean() < 0.8


def test_unbiased_at_different_distributions():
    # N(0, 1) against N(m, 1) on the line: with w = x y, E (w + 1)^3 from the moments of a Gaussian
    m = 0.7
    moments = {0.0: (0.0, 1.0, 0.0), m: (m, m**2 + 1, m**3 + 3 * m)}

    def expected_kernel(a, b):
        first, second, third = (s * t for s, t in zip(moments[a], moments[b], strict=True))
        return third + 3 * second + 3 * first + 1

    truth = expected_kernel(0.0, 0.0) + expected_kernel(m, m) - 2 * expected_kernel(0.0, m)
    values = np.array(
        [kid(normal(50, 1, 2 * i), normal(50, 1, 2 * i + 1, shift=m)) for i in range(400)]
    )
    standard_error = values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean() - truth) < 3.5 * standard_error
    assert standard_error < 0.05 * truth


def test_symmetric_and_blind_to_rotations():
    real, fake = normal(30, 5, 4), normal(20, 5, 5, shift=0.3)
    turn, _ = torch.linalg.qr(normal(5, 5, 6))
    before = kid(real, fake)
    assert kid(fake, real) == pytest.approx(before, rel=1e-12)
    assert kid(real @ turn, fake @ turn) == pytest.approx(before, rel=1e-10)


def test_collapsed_generator_has_a_number():
    value = kid(normal(50, 4, 7), torch.full((50, 4), 3.0))
    assert math.isfinite(value)
    assert value > 100  # k(3, 3) alone is 1000


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save all")
def test_agrees_with_torchmetrics():
    image_metrics = pytest.importorskip("torchmetrics.image.kid")

    class Identity(torch.nn.Module):
        num_features = 6

        def forward(self, features):
            return features

    real, fake = normal(80, 6, 10), normal(80, 6, 11, shift=0.2)
    oracle = image_metrics.KernelInceptionDistance(Identity(), subsets=1, subset_size=80)
    oracle = oracle.set_dtype(torch.float64)
    oracle.update(real, real=True)
    oracle.update(fake, real=False)
    assert kid(real, fake) == pytest.approx(float(oracle.compute()[0]), rel=1e-6)


def test_agrees_with_torch_fidelity():
    package = pytest.importorskip("torch_fidelity.metric_kid")
    real, fake = normal(80, 6, 10), normal(80, 6, 11, shift=0.2)
    oracle = package.kid_features_to_metric(
        fake, real, kid_subsets=1, kid_subset_size=80, verbose=False
    )
    expected = oracle["kernel_inception_distance_mean"]
    assert kid(real, fake) == pytest.approx(expected, rel=1e-6)


def test_one_sample_is_too_few_and_widths_must_agree():
    with pytest.raises(ValueError, match="fake must have at least 2 rows, got 1"):
        kid(normal(9, 4, 12), normal(1, 4, 13))
    with pytest.raises(ValueError, match=r"equally many columns.* got 4 and 3"):
        kid(normal(9, 4, 12), normal(9, 3, 13))
