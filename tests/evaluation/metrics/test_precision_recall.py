import math

import numpy as np
import pytest
import torch

from gan_zoo.evaluation.metrics import distances
from gan_zoo.evaluation.metrics.precision_recall import precision_recall_density_coverage as prdc_of


def normal(count, dim, seed, scale=1.0):
    rng = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dim, generator=rng, dtype=torch.float64)


def by_definition(real, fake, k):
    """The definitions on whole matrices, radii by sorting."""

    def distance(a, b):
        return np.sqrt(((a[:, None] - b[None]) ** 2).sum(2))

    real, fake = real.numpy(), fake.numpy()
    real_radius = np.sort(distance(real, real), axis=1)[:, k]
    fake_radius = np.sort(distance(fake, fake), axis=1)[:, k]
    cross = distance(real, fake)
    in_real = cross < real_radius[:, None]
    return (
        in_real.any(0).mean(),
        (cross < fake_radius[None]).any(1).mean(),
        in_real.sum(0).mean() / k,
        in_real.any(1).mean(),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
def test_agrees_with_the_definition(k, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 520)
    real, fake = normal(60, 3, 0), normal(45, 3, 1, scale=0.7) + 0.3
    assert prdc_of(real, fake, k) == pytest.approx(by_definition(real, fake, k), abs=1e-12)


@pytest.mark.parametrize("copies", [0, 20])
def test_agrees_with_the_definition_where_float32_does_not(copies, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 520)
    # two clumps that float32 cannot resolve at their distance, and copies of real samples
    real, fake = 1e-4 * normal(60, 3, 0), 1.5e-4 * normal(45, 3, 1)
    for samples in (real, fake):
        samples[::2, 0] += 1e3
    fake[:copies] = real[:copies]
    assert prdc_of(real, fake, 5) == pytest.approx(by_definition(real, fake, 5), abs=1e-12)


def test_four_points_on_a_line_by_hand():
    # real radii (k = 1): 1, 1, 3, 4 at 0, 1, 4, 8; fake radii: 0.5, 0.5, 9.5 at 0.5, 1, 10.5
    real = torch.tensor([[0.0], [1.0], [4.0], [8.0]])
    fake = torch.tensor([[0.5], [1.0], [10.5]])
    found = prdc_of(real, fake, k=1)
    # 0.5 in the balls of 0, 1; 1.0 in that of 1 (3 away from 4, 1 from 0: open balls);
    # 10.5 in that of 8
    assert found.precision == 1
    assert found.density == pytest.approx(4 / 3)
    assert found.coverage == 3 / 4
    # 1 lies on a fake; 4 and 8 within 9.5 of 10.5; 0 is 0.5 from 0.5, on the rim
    assert found.recall == 3 / 4


def test_exact_copies_have_density_one():
    real = normal(80, 4, 2)
    found = prdc_of(real, real.flip(0), k=5)
    assert found == (1.0, 1.0, 1.0, 1.0)


def test_expected_density_and_coverage_of_equal_distributions():
    n, m, k = 200, 150, 5
    found = np.array([prdc_of(normal(n, 3, 2 * i), normal(m, 3, 2 * i + 1), k) for i in range(60)])
    coverage = 1 - math.prod((n - i) / (m + n - i) for i in range(1, k + 1))
    mean, error = found.mean(0), found.std(0, ddof=1) / math.sqrt(60)
    assert abs(mean[2] - 1) < 3.5 * error[2]
    assert abs(mean[3] - coverage) < 3.5 * error[3]


def test_mode_collapse_is_precise_with_little_recall_and_noise_the_reverse():
    rng = torch.Generator().manual_seed(3)
    centres = 10 * torch.eye(5, dtype=torch.float64)
    real = centres[torch.randint(5, (500,), generator=rng)] + normal(500, 5, 4)
    collapsed = centres[0] + normal(500, 5, 5)
    noise = normal(500, 5, 6, scale=12.0)
    few, wide = prdc_of(real, collapsed), prdc_of(real, noise)
    assert few.precision > 0.9
    assert few.recall < 0.3
    assert few.coverage < 0.3
    assert wide.precision < 0.1
    assert wide.recall > 0.9
    assert wide.density < 0.1


def test_constant_generator_has_numbers():
    real = normal(50, 4, 7)
    found = prdc_of(real, real[:1].repeat(50, 1))
    assert found.recall == 0
    assert found.precision == 1  # every copy lies in a real ball
    # the copies cover those whose ball holds that one sample
    assert found.coverage == by_definition(real, real[:1].repeat(50, 1), 5)[3]


def test_agrees_with_the_published_package():
    package = pytest.importorskip("prdc")
    real, fake = normal(300, 8, 8), normal(200, 8, 9, scale=0.8)
    oracle = package.compute_prdc(real.numpy(), fake.numpy(), nearest_k=5)
    found = prdc_of(real, fake, k=5)._asdict()
    assert found == pytest.approx({key: float(value) for key, value in oracle.items()})


@pytest.mark.parametrize("k", [3, 5])
def test_agrees_with_torch_fidelity(k):
    package = pytest.importorskip("torch_fidelity.metric_prc")
    real, fake = normal(300, 8, 8), normal(300, 8, 9, scale=0.8)
    oracle = package.prc_features_to_metric(
        fake, real, prc_neighborhood=k, prc_batch_size=100, save_cpu_ram=False, verbose=False
    )
    found = prdc_of(real, fake, k)
    assert (found.precision, found.recall) == pytest.approx(
        (oracle["precision"], oracle["recall"]), abs=1e-6
    )


@pytest.mark.parametrize(
    ("real", "fake", "k", "message"),
    [
        (normal(9, 3, 0), normal(9, 3, 1), 0, "k must be at least 1, got 0"),
        (normal(5, 3, 0), normal(9, 3, 1), 5, "real must have at least 6 rows, got 5"),
        (normal(9, 3, 0), normal(5, 3, 1), 5, "fake must have at least 6 rows, got 5"),
        (
            normal(9, 3, 0),
            normal(9, 4, 1),
            5,
            r"equally many columns.* got 3 and 4",
        ),
        (normal(9, 3, 0) / 0, normal(9, 3, 1), 5, "real has NaN or infinity in 9 of 9"),
        (normal(9, 3, 0), normal(9, 3, 1) / 0, 5, "fake has NaN or infinity in 9 of 9"),
    ],
)
def test_input_that_cannot_be_measured(real, fake, k, message):
    with pytest.raises(ValueError, match=message):
        prdc_of(real, fake, k)
