import math

import pytest
import torch

from gan_zoo.evaluation.metrics.modes import label_modes, point_modes

MEANS = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
STDS = torch.tensor([1.0, 2.0, 1.0])
EQUAL = torch.full((3,), 1 / 3)


def test_six_points_by_hand():
    points = torch.tensor(
        [
            [0.0, 2.9],  # mode 0, good
            [0.0, -3.1],  # mode 0, bad
            [0.5, 0.5],  # mode 0, good
            [4.5, 0.0],  # mode 1: 2.75 of its deviations against 4.5 of mode 0's: good
            [20.0, 0.0],  # mode 1, bad
            [0.0, 15.0],  # mode 2, bad: the mode is not covered
        ]
    )
    found = point_modes(points, MEANS, STDS, EQUAL)
    assert found.covered == 2
    assert found.high_quality == pytest.approx(3 / 6)
    shares = (3 / 6, 2 / 6, 1 / 6)
    expected = sum(q * math.log(q * 3) for q in shares)
    assert found.reverse_kl == pytest.approx(expected, abs=1e-6)


def test_radius_is_the_callers():
    points = torch.tensor([[0.0, 2.9], [0.0, -3.1], [0.0, 10.5]])
    assert point_modes(points, MEANS, STDS, EQUAL, radius=4.0).high_quality == 1
    assert point_modes(points, MEANS, STDS, EQUAL, radius=1.0).covered == 1


def test_unequal_weights_are_the_reference():
    points = MEANS[torch.tensor([0, 0, 1, 2])]
    weights = torch.tensor([0.5, 0.25, 0.25])
    assert point_modes(points, MEANS, STDS, weights).reverse_kl == pytest.approx(0, abs=1e-9)
    assert point_modes(points, MEANS, STDS, EQUAL).reverse_kl > 0.05


def test_a_perfect_sampler_has_the_known_values():
    rng = torch.Generator().manual_seed(0)
    angles = torch.arange(8) * math.pi / 4
    means = torch.stack([angles.cos(), angles.sin()], 1).double()
    share, kl = [], []
    for _ in range(40):
        noise = torch.randn(2500, 2, generator=rng, dtype=torch.float64)
        points = means[torch.randint(8, (2500,), generator=rng)] + 0.01 * noise
        found = point_modes(points, means, torch.full((8,), 0.01), torch.full((8,), 0.125))
        assert found.covered == 8
        share.append(found.high_quality)
        kl.append(found.reverse_kl)
    assert sum(share) / 40 == pytest.approx(1 - math.exp(-4.5), abs=0.0012)
    assert sum(kl) / 40 == pytest.approx(7 / 5000, rel=0.35)


def test_collapse_to_one_mode():
    found = point_modes(MEANS[:1].repeat(50, 1), MEANS, STDS, EQUAL)
    assert (found.covered, found.high_quality) == (1, 1.0)
    assert found.reverse_kl == pytest.approx(math.log(3), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": torch.full((5, 2), math.nan)}, "points has NaN or infinity in 5 of 5"),
        ({"points": torch.zeros(0, 2)}, "points must have at least . rows, got 0"),
        (
            {"points": torch.zeros(5, 3)},
            r"equally many columns.* got 3 and 2",
        ),
        ({"stds": torch.tensor([1.0, 0.0, 1.0])}, "stds must be 3 positive values, got"),
        ({"stds": torch.ones(2)}, "stds must be 3 positive values, got"),
        ({"weights": torch.tensor([1.0, 0.0, 0.0])}, "weights must be 3 positive values, got"),
        ({"radius": 0.0}, "radius must be positive, got 0.0"),
    ],
)
def test_input_that_cannot_be_measured(change, message):
    given = {"points": torch.zeros(5, 2), "means": MEANS, "stds": STDS, "weights": EQUAL}
    with pytest.raises(ValueError, match=message):
        point_modes(**{**given, **change})


def test_label_modes_by_hand():
    found = label_modes(torch.tensor([7, 7, 2, 999]), 1000)
    assert found.covered == 3
    expected = 0.5 * math.log(500) + 2 * 0.25 * math.log(250)
    assert found.reverse_kl == pytest.approx(expected)


def test_label_modes_of_a_perfect_sampler():
    rng = torch.Generator().manual_seed(1)
    found = [label_modes(torch.randint(1000, (26_000,), generator=rng), 1000) for _ in range(5)]
    assert [f.covered for f in found] == [1000] * 5
    assert sum(f.reverse_kl for f in found) / 5 == pytest.approx(999 / 52_000, rel=0.06)


def test_labels_out_of_range():
    with pytest.raises(ValueError, match="labels must be from 0 to 999, got 0 to 1000"):
        label_modes(torch.tensor([0, 1000]), 1000)
