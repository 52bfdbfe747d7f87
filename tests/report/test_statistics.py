import math

import numpy as np
import pytest

from gan_zoo.report.statistics import estimate, interquartile_mean, t_interval


def test_estimate_by_hand():
    found = estimate([2.0, 4.0, 9.0])
    assert (found.n, found.mean, found.median, found.smallest, found.largest) == (3, 5, 4, 2, 9)
    # s^2 = (9 + 1 + 16) / 2 = 13; t_{2, 0.975} = 4.302653
    half = 4.302653 * math.sqrt(13 / 3)
    assert found.interval.low == pytest.approx(5 - half, rel=1e-6)
    assert found.interval.high == pytest.approx(5 + half, rel=1e-6)


def test_one_seed_has_no_interval():
    assert estimate([3.0]).interval is None


def test_no_seed_has_no_estimate():
    with pytest.raises(ValueError, match="no values"):
        estimate([])


def test_interval_is_cut_to_the_domain():
    found = t_interval([0.9, 0.99, 0.95], low=0.0, high=1.0)
    assert found.high == 1.0
    assert 0 < found.low < 0.9


def test_interquartile_mean_by_hand():
    assert interquartile_mean([1, 2, 3, 100]) == 2.5
    assert interquartile_mean([0, 1, 2, 3, 4, 5, 6, 1000]) == 3.5
    assert interquartile_mean([1, 2, 9]) == 4  # nothing to cut


@pytest.mark.parametrize("n", [3, 5, 10])
def test_t_interval_covers_what_it_claims(n):
    rng = np.random.default_rng(n)
    samples = rng.normal(7.0, 2.0, size=(4000, n))
    covered = sum(i.low <= 7.0 <= i.high for i in map(t_interval, samples)) / 4000
    assert abs(covered - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 4000)
