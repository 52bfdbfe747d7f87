import math
import re
from importlib.resources import files

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


def test_equal_values_are_no_certainty():
    assert t_interval([1.0, 1.0, 1.0]) is None
    assert t_interval([0.1] * 7) is None


def test_interval_is_cut_to_the_domain():
    found = t_interval([0.9, 0.99, 0.95], low=0.0, high=1.0)
    assert found.high == 1.0
    assert 0 < found.low < 0.9


def test_interquartile_mean_by_hand():
    assert interquartile_mean([1, 2, 3, 100]) == 2.5
    assert interquartile_mean([0, 1, 2, 3, 4, 5, 6, 1000]) == 3.5
    assert interquartile_mean([1, 2, 9]) == 4  # nothing to cut


def told_coverage(start):
    """The percentages for 3, 5 and 10 seeds that the page tells after some words."""
    text = (files("gan_zoo.report") / "templates" / "methods.html").read_text(encoding="utf-8")
    (found,) = re.findall(r"(?<!\w)" + re.escape(start) + r" (\d+), (\d+) and (\d+)%", text)
    return dict(zip((3, 5, 10), map(int, found), strict=True))


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize(
    ("words", "draw", "mean"),
    [
        ("normal seeds in", lambda rng, size: rng.normal(7, 2, size), 7.0),
        ("exponential seeds in", lambda rng, size: rng.exponential(1, size), 1.0),
        ("lognormal seeds in", lambda rng, size: rng.lognormal(0, 1, size), math.exp(0.5)),
    ],
)
def test_the_page_tells_what_the_t_interval_covers(n, words, draw, mean):
    samples = draw(np.random.default_rng(n), (6000, n))
    covered = np.mean([found.low <= mean <= found.high for found in map(t_interval, samples)])
    told = told_coverage(words)[n] / 100
    assert abs(covered - told) < 0.005 + 4 * math.sqrt(told * (1 - told) / 6000)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_page_tells_what_a_percentile_bootstrap_would_cover(n):
    rng = np.random.default_rng(n)
    samples = rng.normal(size=(4000, n))
    drawn = rng.integers(n, size=(4000, 500, n))
    means = np.take_along_axis(samples[:, None, :], drawn, axis=2).mean(axis=2)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    covered = np.mean((low <= 0) & (high >= 0))
    told = told_coverage("percentile bootstrap covers")[n] / 100
    assert abs(covered - told) < 0.005 + 4 * math.sqrt(told * (1 - told) / 4000)
