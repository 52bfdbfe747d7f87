import math

import numpy as np
import pytest
import scipy.stats
import torch

from gan_zoo.data import toys

SETS = {
    "gaussian_mixture_1d": (toys.gaussian_mixture_1d, toys.gaussian_mixture_1d_modes, 1, 2),
    "ring": (toys.ring, toys.ring_modes, 2, 8),
    "grid": (toys.grid, toys.grid_modes, 2, 25),
}


def whole(data):
    parts = (data.train, data.validation, data.test)
    return torch.cat([p.images for p in parts]), torch.cat([p.labels for p in parts])


@pytest.mark.parametrize("name", SETS)
def test_sizes_types_and_name(name):
    load, _, dim, classes = SETS[name]
    data = load(seed=3, samples=1213)
    assert (data.name, data.num_classes, data.sample_shape) == (name, classes, (dim,))
    assert [len(p.labels) for p in (data.train, data.validation, data.test)] == [1011, 202, 202]
    points, labels = whole(data)
    assert points.dtype == torch.float32
    assert labels.dtype == torch.int64


@pytest.mark.parametrize("name", SETS)
def test_each_mode_has_its_share_mean_and_deviation(name):
    load, modes, dim, classes = SETS[name]
    points, labels = whole(load(samples=60_000))
    weights, means, stds = modes()
    count = labels.bincount(minlength=classes).double()
    total = len(labels)
    spread = (total * weights * (1 - weights)).sqrt()
    assert ((count - total * weights).abs() < 4.5 * spread).all()
    for k in range(classes):
        mine = points[labels == k].double()
        error = stds[k] / len(mine) ** 0.5
        assert (mine.mean(0) - means[k]).abs().max() < 5 * error
        assert (mine.std(0) / stds[k] - 1).abs().max() < 5 / (2 * len(mine)) ** 0.5
        # Gaussian, not only by its two moments
        z = ((mine - means[k]) / stds[k]).flatten().numpy()
        assert scipy.stats.kstest(z, "norm").pvalue > 1e-4
        if dim == 2:
            assert abs(np.corrcoef(mine.T.numpy())[0, 1]) < 5 / len(mine) ** 0.5


def test_mixture_is_the_published_one():
    weights, means, stds = toys.gaussian_mixture_1d_modes()
    assert weights.tolist() == [0.33, 0.67]
    assert means.tolist() == [[-1.0], [2.0]]
    torch.testing.assert_close(stds.square(), torch.tensor([0.065, 2.0], dtype=torch.float64))


def test_ring_has_eight_distinct_modes_on_the_unit_circle():
    weights, means, stds = toys.ring_modes()
    torch.testing.assert_close(means.norm(dim=1), torch.ones(8, dtype=torch.float64))
    gaps = torch.pdist(means)
    assert gaps.min() == pytest.approx(2 * math.sin(math.pi / 8))  # neighbours, 45 degrees apart
    assert stds.tolist() == [0.01] * 8
    assert weights.tolist() == [0.125] * 8
    half = math.sqrt(0.5)
    torch.testing.assert_close(means[1], torch.tensor([half, half], dtype=torch.float64))


def test_grid_has_twenty_five_modes_two_apart():
    weights, means, stds = toys.grid_modes()
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(m) for m in means.tolist()} == expected
    assert means[1].tolist() == [-4, -2]
    assert stds.tolist() == [0.05] * 25
    torch.testing.assert_close(weights.sum(), torch.tensor(1.0, dtype=torch.float64))


def test_log_density_of_a_mixture_on_the_line():
    x = torch.tensor([-3.0, -1.0, -0.7, 0.0, 2.0, 30.0])
    narrow = scipy.stats.norm(-1, math.sqrt(0.065)).pdf(x.double())
    wide = scipy.stats.norm(2, math.sqrt(2)).pdf(x.double())
    found = toys.gaussian_mixture_1d_modes().log_density(x[:, None])
    assert found.shape == (6,)
    np.testing.assert_allclose(found, np.log(0.33 * narrow + 0.67 * wide), rtol=1e-10)


@pytest.mark.parametrize("modes", [toys.ring_modes, toys.grid_modes])
def test_log_density_in_the_plane_is_that_of_the_nearest_mode(modes):
    # modes stand at least 38 standard deviations apart, so the others add nothing
    _, means, stds = modes()
    std = float(stds[0])
    at = means + std * torch.tensor([1.0, -2.0], dtype=torch.float64)
    expected = math.log(1 / len(means)) - 2.5 - math.log(2 * math.pi * std**2)
    np.testing.assert_allclose(modes().log_density(at), expected, rtol=1e-10)


def test_swiss_roll_is_a_spiral_of_three_turns_half_with_noise():
    data = toys.swiss_roll(samples=30_000)
    assert (data.name, data.num_classes, data.sample_shape) == ("swiss_roll", 1, (2,))
    points, labels = whole(data)
    assert labels.unique().tolist() == [0]
    x, y = (7.5 * points).double().T
    # unroll: the turn whose radius is nearest to this point's distance from the centre
    radius, angle = torch.hypot(x, y), torch.atan2(y, x)
    turns = angle[:, None] + 2 * math.pi * torch.arange(0, 4)
    turns = turns.where((turns > 1.4 * math.pi) & (turns < 4.6 * math.pi), math.inf)
    nearest = (turns - radius[:, None]).abs().min(1)
    t = turns.gather(1, nearest.indices[:, None]).squeeze(1)
    assert nearest.values.median() < 0.25
    assert (radius - t).std() == pytest.approx(0.25, rel=0.05)
    inner = t[(t > 1.6 * math.pi) & (t < 4.4 * math.pi)].numpy()
    assert scipy.stats.kstest(inner, "uniform", (1.6 * math.pi, 2.8 * math.pi)).pvalue > 1e-4
    # a fifteenth of the points in either of the ends, 0.2 pi of 3 pi long
    assert (t < 1.7 * math.pi).double().mean() == pytest.approx(1 / 15, rel=0.1)
    assert (t > 4.3 * math.pi).double().mean() == pytest.approx(1 / 15, rel=0.1)


def test_the_real_one_of_two_parallel_lines():
    points, labels = whole(toys.parallel_lines(samples=60_000))
    assert not points[:, 0].any()
    assert scipy.stats.kstest(points[:, 1].numpy(), "uniform").pvalue > 1e-4
    assert not labels.any()


def test_dirac_is_zero():
    data = toys.dirac(samples=60)
    assert (data.name, data.num_classes, data.sample_shape) == ("dirac", 1, (1,))
    points, labels = whole(data)
    assert points.shape == (70, 1)
    assert not points.any()
    assert not labels.any()


@pytest.mark.parametrize("load", [toys.gaussian_mixture_1d, toys.ring, toys.grid, toys.swiss_roll])
def test_seed_alone_decides(load):
    before = torch.get_rng_state()
    first, again, other = (load(seed=s, samples=600) for s in (5, 5, 6))
    assert torch.equal(whole(first)[0], whole(again)[0])
    assert not torch.equal(whole(first)[0], whole(other)[0])
    assert torch.equal(before, torch.get_rng_state())


def test_training_and_test_points_come_from_different_streams(monkeypatch):
    purposes = []

    def spy(seed, purpose):
        purposes.append((seed, purpose))
        return torch.Generator().manual_seed(0)

    monkeypatch.setattr(toys, "stream", spy)
    toys.ring(seed=4, samples=60)
    toys.swiss_roll(seed=4, samples=60)
    assert len(set(purposes)) == 4
    assert {seed for seed, _ in purposes} == {4}


def test_too_few_samples():
    with pytest.raises(ValueError, match="samples must be from 6, as"):
        toys.ring(samples=5)
