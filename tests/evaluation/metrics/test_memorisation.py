import pytest
import torch

from gan_zoo.evaluation.metrics.duplicates import duplicates
from gan_zoo.evaluation.metrics.memorisation import memorisation


def normal(count, dim, seed):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=rng, dtype=torch.float64)


def test_points_on_a_line_by_hand():
    train = torch.tensor([[0.0], [10.0], [20.0]])
    held_out = torch.tensor([[2.0], [13.0], [16.0], [7.0], [25.0]])  # 2, 3, 4, 3, 5 away
    fake = torch.tensor([[0.0], [1.0], [9.0]])  # 0, 1, 1 away
    found = memorisation(fake, train, held_out)
    assert (found.fake_median, found.held_out_median) == (1.0, 3.0)
    assert found.ratio == pytest.approx(1 / 3)
    assert found.near_share == 1.0  # the 1% quantile lies at 2.04


def test_a_fresh_sampler_has_ratio_one_and_the_expected_share():
    found = memorisation(normal(4000, 4, 0), normal(3000, 4, 1), normal(4000, 4, 2))
    assert found.ratio == pytest.approx(1, abs=0.05)
    assert found.near_share == pytest.approx(0.01, abs=0.007)


def test_copies_have_ratio_zero():
    train = normal(300, 8, 3) + 1000
    found = memorisation(train.flip(0), train, normal(200, 8, 4) + 1000)
    assert found.ratio == 0
    assert found.near_share == 1


def test_copies_of_one_training_sample_are_seen():
    train = normal(300, 8, 5)
    assert memorisation(train[:1].repeat(500, 1), train, normal(200, 8, 6)).ratio == 0


def test_a_few_copies_among_many_are_seen_by_the_share():
    train = normal(2000, 8, 7)
    fake = torch.cat([train[:200], normal(1800, 8, 8)])
    found = memorisation(fake, train, normal(2000, 8, 9))
    assert found.ratio > 0.9
    assert found.near_share == pytest.approx(0.11, abs=0.01)


def test_noise_lies_farther_off_than_data():
    assert memorisation(5 * normal(300, 8, 10), normal(300, 8, 11), normal(300, 8, 12)).ratio > 2


def test_held_out_data_that_were_trained_on():
    train = normal(300, 8, 13)
    with pytest.raises(ValueError, match="got 50 copies of train among 50"):
        memorisation(normal(50, 8, 14), train, train[:50])


def test_a_few_held_out_copies_hide_no_copies_among_the_fakes():
    """With them, nothing would be nearer than all but 1% of the held-out data."""
    train, honest, fake = normal(300, 8, 13), normal(300, 8, 12), normal(100, 8, 10)
    fake[:30] = train[:30]
    found = memorisation(fake, train, torch.cat([honest, train[:20]]))
    assert found == memorisation(fake, train, honest)
    assert found.near_share >= 0.3


@pytest.mark.parametrize("which", ["fake", "train", "held_out"])
def test_input_that_cannot_be_measured(which):
    sets = {name: normal(9, 3, 15) for name in ("fake", "train", "held_out")}
    with pytest.raises(ValueError, match=f"{which} has NaN or infinity in 9 of 9"):
        memorisation(**{**sets, which: sets[which] / 0})
    with pytest.raises(ValueError, match="columns"):
        memorisation(**{**sets, which: normal(9, 4, 15)})


def test_exact_and_near_duplicates_by_hand():
    # 100 real points at 0, 1, ..., 99 but two 0.5 apart: the 1% quantile lies between 0.5 and 1
    real = torch.arange(100.0)[:, None]
    real[50] = 49.5
    fake = 10 * torch.arange(100.0)[:, None]
    fake[3] = fake[2]  # a pair of twins
    fake[7] = fake[6] + 0.2  # a pair that is near
    found = duplicates(fake, real)
    assert found.exact == pytest.approx(0.02)
    assert found.near == pytest.approx(0.04)


def test_duplicates_of_a_fresh_sampler_are_as_expected():
    found = duplicates(normal(4000, 4, 16), normal(4000, 4, 17))
    assert found.exact == 0
    assert found.near == pytest.approx(0.01, abs=0.007)


def test_a_constant_generator_repeats_itself_entirely():
    assert duplicates(torch.ones(60, 4), normal(60, 4, 18)) == (1.0, 1.0)


def test_copies_count_as_near_even_beside_real_copies():
    real = normal(30, 4, 19).repeat(2, 1)  # the quantile is 0
    fake = torch.cat([normal(58, 4, 20), torch.zeros(2, 4, dtype=torch.float64)])
    assert duplicates(fake, real) == pytest.approx((2 / 60, 2 / 60))


@pytest.mark.parametrize(
    ("fake", "real", "message"),
    [
        (
            normal(9, 3, 0),
            normal(8, 3, 1),
            "equally many rows, got 9 and 8",
        ),
        (normal(1, 3, 0), normal(1, 3, 1), "fake must have at least 2 rows, got 1"),
        (
            normal(9, 3, 0),
            normal(9, 4, 1),
            r"equally many columns.* got 3 and 4",
        ),
        (normal(9, 3, 0) / 0, normal(9, 3, 1), "fake has NaN"),
        (normal(9, 3, 0), normal(9, 3, 1) / 0, "real has NaN"),
    ],
)
def test_sets_whose_duplicates_cannot_be_compared(fake, real, message):
    with pytest.raises(ValueError, match=message):
        duplicates(fake, real)
