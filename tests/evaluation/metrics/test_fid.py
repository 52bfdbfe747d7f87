import math

import numpy as np
import pytest
import scipy.linalg
import torch

from gan_zoo.evaluation.metrics.fid import fid


def normal(count, dim, seed, scale=1.0):
    rng = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dim, generator=rng, dtype=torch.float64)


def correlated(count, dim, seed):
    mix = normal(dim, dim, seed + 1000)
    return normal(count, dim, seed) @ mix + torch.linspace(-1, 2, dim, dtype=torch.float64)


def with_moments(mean, deviations, count=40):
    """Points whose sample mean and (n - 1) covariance are exactly the given ones, diagonal."""
    dim = len(mean)
    raw = normal(count, dim, seed=7)
    raw = raw - raw.mean(0)
    orthonormal, _ = torch.linalg.qr(raw)  # columns stay orthogonal to the vector of ones
    deviations = torch.tensor(deviations, dtype=torch.float64)
    return orthonormal * math.sqrt(count - 1) * deviations + torch.tensor(mean)


def by_matrix_root(first, second):
    """The textbook formula on scipy's matrix square root."""
    a, b = first.double().numpy(), second.double().numpy()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b)
    gap = a.mean(0) - b.mean(0)
    return gap @ gap + np.trace(cov_a) + np.trace(cov_b) - 2 * np.trace(root).real


def by_symmetric_root(first, second):
    """tr (S_a S_b)^(1/2) = tr (A S_b A)^(1/2) with A = S_a^(1/2): defined at any rank."""
    a, b = first.double().numpy(), second.double().numpy()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(cov_a)
    half = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(half @ cov_b @ half).clip(0)).sum()
    gap = a.mean(0) - b.mean(0)
    return gap @ gap + np.trace(cov_a) + np.trace(cov_b) - 2 * cross


def test_diagonal_gaussians_in_closed_form():
    # |gap|^2 + sum (s_i - t_i)^2 = 1 + 4 + 9 + (2-1)^2 + (1-4)^2 + (3-3)^2
    first = with_moments([0.0, 1.0, -1.0], [2.0, 1.0, 3.0])
    second = with_moments([1.0, 3.0, 2.0], [1.0, 4.0, 3.0], count=25)
    assert fid(first, second) == pytest.approx(24.0, rel=1e-12)


def test_shift_alone_is_its_squared_length():
    features = correlated(50, 6, seed=0)
    shift = torch.tensor([3.0, -4.0, 0.0, 1.0, 2.0, 0.5], dtype=torch.float64)
    assert fid(features, features + shift) == pytest.approx(30.25, rel=1e-12)


def test_one_dimension_is_difference_of_means_and_deviations():
    first = torch.tensor([[0.0], [1.0], [5.0], [2.0], [7.0]])
    second = torch.tensor([[1.0], [4.0], [4.5], [9.0], [-2.0], [0.0]])
    a, b = first.numpy().ravel().astype(float), second.numpy().ravel().astype(float)
    expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert fid(first, second) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("oracle", [by_matrix_root, by_symmetric_root])
@pytest.mark.parametrize(("count", "dim"), [(200, 5), (500, 32)])
def test_agrees_with_independent_implementations(oracle, count, dim):
    first, second = correlated(count, dim, seed=1), correlated(count + 37, dim, seed=2)
    assert fid(first, second) == pytest.approx(oracle(first, second), rel=1e-9)


@pytest.mark.parametrize(("real", "fake"), [(10, 12), (2, 300), (300, 3)])
def test_fewer_samples_than_features(real, fake):
    first, second = correlated(real, 24, seed=3), correlated(fake, 24, seed=4)
    # the square root of rounding errors limits the eigenvalue form, not ours
    assert fid(first, second) == pytest.approx(by_symmetric_root(first, second), rel=1e-6)


def test_collapsed_generator_in_closed_form():
    # all fakes equal: the cross term vanishes, |gap|^2 + tr S_r stays
    real = correlated(100, 8, seed=5)
    fake = torch.full((60, 8), 2.5, dtype=torch.float64)
    gap = real.mean(0) - 2.5
    expected = float(gap @ gap) + float(real.var(0).sum())
    assert fid(real, fake) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("count", "dim"), [(100, 8), (10, 64)])
def test_identical_sets_are_exactly_zero_and_reordered_ones_nearly(count, dim, seed):
    features = correlated(count, dim, seed)
    assert fid(features, features.clone()) == 0.0
    scale = float(features.var(0).sum())
    assert 0 <= fid(features, features.flip(0)) < 1e-12 * scale


def test_symmetric():
    first, second = correlated(90, 7, seed=7), correlated(70, 7, seed=8)
    assert fid(first, second) == pytest.approx(fid(second, first), rel=1e-12)


def test_rotation_and_common_shift_change_nothing_and_scale_squares():
    first, second = correlated(90, 7, seed=9), correlated(70, 7, seed=10)
    turn, _ = torch.linalg.qr(normal(7, 7, seed=11))
    before = fid(first, second)
    assert fid(first @ turn + 5, second @ turn + 5) == pytest.approx(before, rel=1e-10)
    assert fid(3 * first, 3 * second) == pytest.approx(9 * before, rel=1e-12)


def test_bias_between_equal_gaussians_is_as_in_theory():
    dim, count = 16, 500
    found = [
        fid(normal(count, dim, seed=2 * i), normal(count, dim, seed=2 * i + 1)) for i in range(40)
    ]
    theory = (dim + dim * (dim + 1) / 4) * 2 / count
    assert np.mean(found) == pytest.approx(theory, rel=0.1)


@pytest.mark.parametrize("count", [300, 10])
def test_agrees_with_torchmetrics(count):
    image_metrics = pytest.importorskip("torchmetrics.image.fid")

    class Identity(torch.nn.Module):
        num_features = 24

        def forward(self, features):
            return features

    first, second = correlated(count, 24, seed=20), correlated(count, 24, seed=21)
    oracle = image_metrics.FrechetInceptionDistance(Identity()).set_dtype(torch.float64)
    oracle.update(first, real=True)
    oracle.update(second, real=False)
    assert fid(first, second) == pytest.approx(float(oracle.compute()), rel=1e-4)


@pytest.mark.parametrize("count", [300, 10])
def test_agrees_with_torch_fidelity(count):
    package = pytest.importorskip("torch_fidelity.metric_fid")
    sets = correlated(count, 24, seed=20), correlated(count, 24, seed=21)
    moments = [{"mu": x.numpy().mean(0), "sigma": np.cov(x.numpy(), rowvar=False)} for x in sets]
    oracle = package.fid_statistics_to_metric(*moments, verbose=False)
    assert fid(*sets) == pytest.approx(oracle["frechet_inception_distance"], rel=1e-4)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("which", ["real", "fake"])
def test_values_that_are_not_finite_are_named(value, which):
    sets = {"real": correlated(20, 4, seed=14), "fake": correlated(20, 4, seed=15)}
    sets[which][3, 2] = value
    with pytest.raises(ValueError, match=rf"{which} has NaN or infinity in 1 of 20 rows"):
        fid(sets["real"], sets["fake"])


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        ((1, 4), (20, 4), r"real must have at least 2 rows, got 1"),
        ((20, 4), (0, 4), r"fake must have at least . rows, got 0"),
        ((20, 4), (20, 5), r"equally many columns.* got 4 and 5"),
        ((20, 4, 2), (20, 4), r"real must be a matrix \(N, d\), got shape \(20, 4, 2\)"),
    ],
)
def test_shapes_that_cannot_be_compared(real, fake, message):
    with pytest.raises(ValueError, match=message):
        fid(torch.zeros(real), torch.zeros(fake))
