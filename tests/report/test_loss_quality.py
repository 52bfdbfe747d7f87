"""Whether a loss says anything of quality: Kendall's tau within runs and between them."""

import pytest
from scipy import stats

from gan_zoo.report.loss_quality import correlation

QUALITY, LOSS = "fid_m_validation_1k", "generator_test_generation"


@pytest.fixture
def variant(tmp_path, write_run, compared):
    """A function that makes a variant of runs: their curves of loss and quality, their FID."""

    def made(runs):
        for seed, (losses, qualities, fid) in enumerate(runs):
            history = [
                {"epoch": e, LOSS: loss, QUALITY: quality}
                for e, (loss, quality) in enumerate(zip(losses, qualities, strict=True), 1)
            ]
            write_run(tmp_path / "s" / str(seed), "bce", seed, metrics={"fid_m_test_1k": fid},
                      history=history)  # fmt: skip
        comparison = compared(tmp_path / "s")
        return comparison.variants[0], comparison.metrics[0]

    return made


def test_a_loss_that_falls_with_fid_has_plus_one_and_one_that_rises_minus_one(variant):
    falling = ([3, 2, 1, 0.5], [30, 20, 10, 5], 5.0)
    rising = ([1, 2, 3, 4], [30, 20, 10, 5], 5.0)
    half = ([1, 2, 3], [10, 30, 20], 5.0)  # two of three pairs in the same order
    found = correlation(*made(variant([falling, rising, half])))
    assert found.within == pytest.approx((1.0, -1.0, 1 / 3))
    assert found.within_mean == pytest.approx(1 / 9)
    assert found.within_interval.low < 1 / 9 < found.within_interval.high


def made(variant_and_metric):
    variant, metric = variant_and_metric
    return variant, LOSS, QUALITY, metric


def test_between_runs_the_last_loss_is_set_against_the_final_number(variant):
    runs = [([9, 9, last], [3, 2, 1], fid) for last, fid in [(1, 10.0), (2, 30.0), (3, 20.0),
                                                           (4, 40.0)]]  # fmt: skip
    found = correlation(*made(variant(runs)))
    expected = stats.kendalltau([1, 2, 3, 4], [10, 30, 20, 40])
    assert found.between == pytest.approx(expected.statistic) == pytest.approx(2 / 3)
    assert found.p == pytest.approx(expected.pvalue) == pytest.approx(8 / 24)
    assert found.runs == 4


def test_too_few_points_or_a_constant_say_nothing(variant):
    found = correlation(*made(variant([([1, 2], [2, 1], 3.0), ([1, 1, 1], [3, 2, 1], 4.0)])))
    assert found.within == ()
    assert (found.within_mean, found.within_interval, found.between, found.p) == (None,) * 4


def test_a_run_without_the_column_is_passed_over(variant):
    each, metric = variant([([1, 2, 3], [3, 2, 1], 1.0)])
    assert correlation(each, "no_such_loss", QUALITY, metric) is None
