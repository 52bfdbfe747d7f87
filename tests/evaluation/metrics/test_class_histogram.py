import math

import pytest
import scipy.stats
import torch

from gan_zoo.evaluation.metrics.class_histogram import class_kl, class_shares, class_total_variation

UNIFORM = torch.full((4,), 0.25, dtype=torch.float64)
SKEWED = torch.tensor([0.5, 0.3, 0.2, 0.0], dtype=torch.float64)


def test_shares():
    shares = class_shares(torch.tensor([2, 0, 2, 2, 1]), 4)
    assert shares.tolist() == [0.2, 0.2, 0.6, 0.0]
    assert shares.dtype == torch.float64


def test_kl_and_total_variation_of_known_shares():
    expected = 0.5 * math.log(2) + 0.3 * math.log(1.2) + 0.2 * math.log(0.8)
    assert class_kl(SKEWED, UNIFORM) == pytest.approx(expected, rel=1e-12)
    assert class_kl(SKEWED, UNIFORM) == pytest.approx(
        scipy.stats.entropy(SKEWED.numpy(), UNIFORM.numpy())
    )
    assert class_total_variation(SKEWED, UNIFORM) == pytest.approx(0.3)


def test_collapse_to_one_class():
    one = torch.tensor([0.0, 0.0, 1.0, 0.0])
    assert class_kl(one, UNIFORM) == pytest.approx(math.log(4))
    assert class_total_variation(one, UNIFORM) == pytest.approx(0.75)


def test_equal_shares_are_zero():
    assert class_kl(SKEWED, SKEWED) == 0
    assert class_total_variation(SKEWED, SKEWED) == 0


def test_floor_of_a_perfect_sampler():
    rng = torch.Generator().manual_seed(0)
    uniform = torch.full((10,), 0.1)
    values = [
        class_kl(class_shares(torch.randint(10, (500,), generator=rng), 10), uniform)
        for _ in range(400)
    ]
    assert sum(values) / 400 == pytest.approx(9 / (2 * 500), rel=0.12)


def test_a_class_outside_the_reference_is_an_error_not_infinity():
    with pytest.raises(ValueError, match=r"classes \[3\] that the reference lacks"):
        class_kl(UNIFORM, SKEWED)
    assert class_total_variation(UNIFORM, SKEWED) == pytest.approx(0.3)


@pytest.mark.parametrize(
    "wrong", [torch.tensor([0.5, 0.6]), torch.tensor([1.5, -0.5]), torch.tensor([math.nan, 1.0])]
)
@pytest.mark.parametrize("measure", [class_kl, class_total_variation])
def test_what_is_no_vector_of_shares(measure, wrong):
    half = torch.tensor([0.5, 0.5])
    with pytest.raises(ValueError, match="fake must be a"):
        measure(wrong, half)
    with pytest.raises(ValueError, match="reference must be a"):
        measure(half, wrong)
    with pytest.raises(ValueError, match="equally many classes, got 2 and 4"):
        measure(half, UNIFORM)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.zeros(0, dtype=torch.long), "N at least 1"),
        (torch.tensor([0.0, 1.0]), "torch.float32"),
        (torch.tensor([0, 4]), "must be from 0 to 3, got 0 to 4"),
        (torch.tensor([-1, 2]), "got -1 to 2"),
    ],
)
def test_labels_that_cannot_be_counted(labels, message):
    with pytest.raises(ValueError, match=message):
        class_shares(labels, 4)
