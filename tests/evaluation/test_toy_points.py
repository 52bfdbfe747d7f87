"""Points are held against the mixture itself, through the interface that images have."""

import math

import pytest
import torch

from gan_zoo.data.random_streams import stream
from gan_zoo.data.toys import dirac, grid, ring, ring_modes, swiss_roll
from gan_zoo.evaluation.reference import Reference
from gan_zoo.evaluation.reference_scores import reference_scores
from gan_zoo.evaluation.toy_points import PointReference, reference_of


@pytest.fixture
def ring8() -> PointReference:
    return PointReference(ring(samples=600))


def test_what_has_known_modes_is_held_against_them_and_other_points_against_nothing(reference):
    assert isinstance(reference_of(ring(samples=60), None, "a"), PointReference)
    assert isinstance(reference_of(grid(samples=60), None, "a"), PointReference)
    assert reference_of(swiss_roll(samples=60), None, "a") is None
    assert reference_of(dirac(), None, "a") is None
    images = reference_of(reference.dataset, reference.extractor, reference.sha256)
    assert isinstance(images, Reference)


def test_a_perfect_sampler_s_numbers(ring8):
    points, labels = ring_modes().sample(40_000, stream(1, "test"))
    found = ring8.measure(ring8.embed(points, labels), "test", ["modes"]).values
    share = 1 - math.exp(-(3**2) / 2)
    assert found["modes_covered"] == 8
    assert abs(found["high_quality"] - share) < 4 * math.sqrt(share * (1 - share) / 40_000)
    assert 0 <= found["reverse_kl_modes"] < 4 * 7 / (2 * 40_000)


def test_one_mode_out_of_eight(ring8):
    points = torch.tensor([[1.0, 0.0]]).repeat(50, 1)
    found = ring8.measure(ring8.embed(points, None), "test", ["modes"]).values
    assert found == {
        "modes_covered": 1,
        "high_quality": 1.0,
        "reverse_kl_modes": pytest.approx(math.log(8)),
    }


def test_the_reference_scores_are_those_of_new_points(ring8):
    found = reference_scores(ring8, 2000, ["modes"]).values
    assert set(found) == {
        f"{name}_ring_2k" for name in ("modes_covered", "high_quality", "reverse_kl_modes")
    }
    assert found["modes_covered_ring_2k"] == {"real": 8}
    assert found["high_quality_ring_2k"]["real"] == pytest.approx(0.9889, abs=0.01)


@pytest.mark.parametrize("points", [torch.zeros(5, 3), torch.full((5, 2), math.nan)])
def test_points_that_cannot_be_measured(ring8, points):
    with pytest.raises(ValueError, match=r"points must have shape \(N, 2\) and be finite"):
        ring8.embed(points, None)
