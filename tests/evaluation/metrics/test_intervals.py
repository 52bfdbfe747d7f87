"""Intervals over samples against binomial and multinomial closed forms."""

import math

import numpy as np
import pytest
from scipy import stats

from gan_zoo.evaluation.metrics.intervals import histogram_interval, mean_interval, share_interval


@pytest.mark.parametrize(("right", "count"), [(19, 19), (0, 19), (1, 1), (7, 20), (3000, 10_000)])
def test_a_share_s_interval_is_clopper_and_pearson_s(right, count):
    expected = stats.binomtest(right, count).proportion_ci(0.95, method="exact")
    assert share_interval(right / count, count) == pytest.approx(expected)


def test_nineteen_of_nineteen_are_no_certainty():
    low, high = share_interval(1.0, 19)
    assert low == pytest.approx(0.82, abs=5e-3)
    assert high == 1


@pytest.mark.parametrize("chance", [0.0, 0.01, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("count", [1, 20, 200])
def test_a_share_s_interval_covers(chance, count):
    """Exactly: over all numbers of hits, by their probabilities."""
    hits = np.arange(count + 1)
    ends = [share_interval(hit / count, count) for hit in hits]
    held = [low <= chance <= high for low, high in ends]
    assert stats.binom.pmf(hits, count, chance)[held].sum() >= 0.95


def test_a_mean_s_interval_is_student_s():
    values = np.random.default_rng(0).normal(3, 2, 5)
    expected = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert mean_interval(values.mean(), stats.sem(values), 5) == pytest.approx(expected)


def test_a_histogram_distance_s_interval_is_centred_on_the_distance():
    """Two classes: |q - p| with q binomial."""
    shares, wanted = np.array([0.7, 0.3]), np.array([0.5, 0.5])
    low, high = histogram_interval(shares, wanted, 1000, total_variation(wanted))
    half = 1.96 * math.sqrt(0.7 * 0.3 / 1000)
    assert low == pytest.approx(0.2 - half, abs=4e-3)
    assert high == pytest.approx(0.2 + half, abs=4e-3)


def total_variation(wanted):
    return lambda shares: np.abs(shares - wanted).sum(-1) / 2


TEN = np.full(10, 0.1)
ONE = np.eye(10)[0]


@pytest.mark.parametrize("truth", [TEN, ONE, np.repeat([0.2, 0.0], 5)])
def test_a_histogram_distance_s_interval_covers(truth):
    """Where a bootstrap would not: as wanted, all in one class, classes missing."""
    rng, distance = np.random.default_rng(1), total_variation(TEN)
    held, repeats = 0, 12
    for _ in range(repeats):
        shares = rng.multinomial(50, truth) / 50
        low, high = histogram_interval(shares, TEN, 50, distance)
        assert low <= distance(shares) <= high
        assert low < high
        held += low - 1e-12 <= distance(truth) <= high + 1e-12
    assert held >= repeats - 2


def test_all_samples_in_one_class_leave_room_as_far_as_a_share_does():
    low, high = histogram_interval(ONE, TEN, 19, total_variation(TEN))
    assert high == pytest.approx(0.9)
    assert low == pytest.approx(share_interval(1.0, 19)[0] - 0.1, abs=0.04)


def test_shares_exactly_as_wanted_are_no_certainty():
    low, high = histogram_interval(TEN, TEN, 100, total_variation(TEN))
    assert low == 0
    assert 0.1 < high < 0.3
