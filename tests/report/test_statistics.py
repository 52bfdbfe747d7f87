import itertools
import math
import re
from importlib.resources import files

import numpy as np
import pytest
from scipy import stats

from gan_zoo.report import statistics
from gan_zoo.report.statistics import estimate, interquartile_mean, rank, t_interval

INF = math.inf


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
    with pytest.raises(ValueError, match="at least one number"):
        estimate([])


def test_equal_values_have_no_interval():
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


def stated_coverage(start):
    """The percentages for 3, 5 and 10 seeds that the page states after ``start``."""
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
def test_the_page_states_what_the_t_interval_covers(n, words, draw, mean):
    samples = draw(np.random.default_rng(n), (6000, n))
    covered = np.mean([found.low <= mean <= found.high for found in map(t_interval, samples)])
    stated = stated_coverage(words)[n] / 100
    assert abs(covered - stated) < 0.005 + 4 * math.sqrt(stated * (1 - stated) / 6000)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_page_states_what_a_percentile_bootstrap_would_cover(n):
    rng = np.random.default_rng(n)
    samples = rng.normal(size=(4000, n))
    drawn = rng.integers(n, size=(4000, 500, n))
    means = np.take_along_axis(samples[:, None, :], drawn, axis=2).mean(axis=2)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    covered = np.mean((low <= 0) & (high >= 0))
    stated = stated_coverage("percentile bootstrap covers")[n] / 100
    assert abs(covered - stated) < 0.005 + 4 * math.sqrt(stated * (1 - stated) / 4000)


def test_probability_of_improvement_by_hand():
    # pairs: 5>1, 5>5 tie, 5>7 no; 8 beats all; -inf loses against all
    assert statistics.probability_of_improvement([5, 8, -INF], [1, 5, 7]) == pytest.approx(
        (1.5 + 3 + 0) / 9
    )


def test_two_diverged_runs_tie():
    assert statistics.probability_of_improvement([-INF], [-INF]) == 0.5


def test_improvement_of_the_other_is_the_complement():
    x, y = [1.0, 4.0, 4.0, 9.0, 2.0], [3.0, 4.0, 0.0, 8.0, 1.0]
    there, back = (statistics.probability_of_improvement(*pair) for pair in ((x, y), (y, x)))
    assert there + back == pytest.approx(1)
    a, b = statistics.improvement_interval(there, 5, 5), statistics.improvement_interval(back, 5, 5)
    assert (a.low, a.high) == pytest.approx((1 - b.high, 1 - b.low), abs=1e-6)


@pytest.mark.parametrize(("theta", "n", "m"), [(0.8, 5, 5), (0.55, 3, 7), (0.96, 10, 10)])
def test_improvement_interval_solves_its_equation(theta, n, m):
    found = statistics.improvement_interval(theta, n, m)
    q, size = stats.t.ppf(0.975, n + m - 2), (n + m) / 2 - 1
    for t in (found.low, found.high):
        variance = t * (1 - t) / (n * m) * (1 + size * (1 - t) / (2 - t) + size * t / (1 + t))
        assert abs(t - theta) == pytest.approx(q * math.sqrt(variance), rel=1e-6)
    assert 0 < found.low < theta < found.high < 1


def test_three_separated_seeds_do_not_exclude_one_half():
    found = statistics.improvement_interval(1.0, 3, 3)
    assert found.high == 1
    assert found.low < 0.5
    assert statistics.improvement_interval(1.0, 5, 5).low > 0.5


def test_two_runs_in_all_have_no_interval():
    assert statistics.improvement_interval(1.0, 1, 1) is None


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("truth", [0.5, 0.76, 0.95])
def test_improvement_interval_covers_at_least_what_it_claims(n, truth):
    rng = np.random.default_rng(n)
    shift = math.sqrt(2) * stats.norm.ppf(truth)
    x, y = rng.normal(shift, 1, (3000, n, 1)), rng.normal(0, 1, (3000, 1, n))
    wins = np.rint((x > y).sum(axis=(1, 2))).astype(int)
    known = {u: statistics.improvement_interval(u / n**2, n, n) for u in set(wins.tolist())}
    covered = np.mean([known[u].low <= truth <= known[u].high for u in wins.tolist()])
    assert covered > 0.95 - 4 * math.sqrt(0.95 * 0.05 / 3000)


def by_enumeration(x, y):
    """Two-sided p of the rank sum over all deals of the pooled values, written down directly."""
    ranks = stats.rankdata([*x, *y])
    centre = len(x) * (len(ranks) + 1) / 2
    seen = abs(sum(ranks[: len(x)]) - centre)
    deals = [abs(sum(deal) - centre) for deal in itertools.combinations(ranks, len(x))]
    return sum(distance >= seen - 1e-9 for distance in deals) / len(deals)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([4, 5, 6], [1, 2, 3]),
        ([1, 5, 2, 9], [3, 4, 7]),
        ([1, 1, 2], [2, 2, 3, 3]),
        ([-INF, -INF, 1, 4], [2, 3, 5, 6]),
        ([1, 1, 1], [1, 1, 1]),
    ],
)
def test_rank_test_by_enumeration(x, y):
    assert statistics.rank_test(x, y) == pytest.approx(by_enumeration(x, y))


def test_rank_test_agrees_with_scipy_where_there_are_no_ties():
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.8, 1, 10), rng.normal(0, 1, 12)
    expected = stats.mannwhitneyu(x, y, method="exact").pvalue
    assert statistics.rank_test(x, y) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 3), (5, 5), (4, 7)])
def test_separated_data_reach_the_smallest_p(n, m):
    separated = statistics.rank_test(np.arange(n) + 100, np.arange(m))
    assert separated == pytest.approx(statistics.smallest_p(n, m))


def test_published_smallest_p():
    assert statistics.smallest_p(3, 3) == pytest.approx(0.1)
    assert statistics.smallest_p(5, 5) == pytest.approx(2 / 252)


def test_holm_by_hand():
    # sorted: .005*4, .02*3, .03*2 -> .06, .5*1
    assert statistics.holm([0.5, 0.005, 0.03, 0.02]) == pytest.approx([0.5, 0.02, 0.06, 0.06])
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0]
    assert statistics.holm([]) == []


def test_hodges_lehmann_by_hand():
    # differences 1-2, 1-4, 5-2, 5-4, 9-2, 9-4 = -1, -3, 3, 1, 7, 5: median 2
    assert statistics.hodges_lehmann([1, 5, 9], [2, 4]) == 2


@pytest.mark.parametrize(("n", "m"), [(33, 34), (45, 55), (80, 20)])
def test_many_runs_are_counted_as_exactly_as_few(n, m):  # more ways than 64 bits hold
    rng = np.random.default_rng(n)
    x, y = rng.normal(0.5, 1, n), rng.normal(0, 1, m)
    expected = stats.mannwhitneyu(x, y, method="exact").pvalue
    assert statistics.rank_test(x, y) == pytest.approx(expected, rel=1e-10)


def test_beyond_a_hundred_runs_the_normal_approximation_takes_over_without_a_step():
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.3, 0.6):
        x, y = rng.normal(shift, 1, 50).round(1), rng.normal(0, 1, 50).round(1)  # with ties
        exact = statistics.rank_test(x, y)
        approximate = stats.mannwhitneyu(x, y, method="asymptotic").pvalue
        assert approximate == pytest.approx(exact, rel=0.15, abs=1e-5)
        assert statistics.rank_test([*x, shift], y) == pytest.approx(exact, rel=0.35)
    assert statistics.rank_test([1.0] * 60, [1.0] * 60) == 1.0
    here, beyond = (
        statistics.hodges_lehmann_interval(rng.normal(0, 1, n), rng.normal(0, 1, 50))
        for n in (50, 51)
    )
    assert here.high - here.low == pytest.approx(beyond.high - beyond.low, rel=0.3)
    assert statistics._critical_count(50, 51) == pytest.approx(
        statistics._critical_count(50, 50), rel=0.03
    )


def test_hodges_lehmann_interval_of_the_published_table():
    # n = m = 5: P(U <= 2) = 4/252 = .0159, P(U <= 3) = 7/252 = .028, so k = 3 (critical U is 2)
    x, y = np.array([0, 10, 20, 30, 40]), np.array([1, 2, 3, 4, 5]) * 0.1
    differences = np.sort(np.subtract.outer(x, y).ravel())
    found = statistics.hodges_lehmann_interval(x, y)
    assert (found.low, found.high) == (differences[2], differences[-3])


def test_three_seeds_give_no_interval_of_the_shift():
    assert statistics.hodges_lehmann_interval([4, 5, 6], [1, 2, 3]) is None


def test_hodges_lehmann_interval_covers():
    rng = np.random.default_rng(1)
    pairs = [(rng.exponential(1, 6) + 2, rng.exponential(1, 6)) for _ in range(1500)]
    found = [statistics.hodges_lehmann_interval(x, y) for x, y in pairs]
    assert np.mean([i.low <= 2 <= i.high for i in found]) > 0.95 - 4 * math.sqrt(0.0475 / 1500)


def test_sign_flip_by_enumeration():
    d = [1.0, -0.5, 2.0, 0.25, 3.0]
    sums = [sum(s * v for s, v in zip(signs, d, strict=True)) for signs in
            itertools.product((1, -1), repeat=5)]  # fmt: skip
    expected = sum(abs(s) >= abs(sum(d)) - 1e-12 for s in sums) / 32
    assert statistics.sign_flip(d) == expected


def test_five_pairs_cannot_go_below_one_sixteenth():
    assert statistics.sign_flip([1, 2, 3, 4, 5]) == 0.0625


def test_sign_flip_without_pairs():
    assert statistics.sign_flip([]) is None
    assert statistics.sign_flip([0.0, 0.0]) == 1.0


def test_standardised_difference_by_hand():
    # means 2 and 5, variances 1 and 1, pooled 1; correction 1 - 3 / 15
    assert statistics.standardised_difference([1, 2, 3], [4, 5, 6]) == pytest.approx(-3 * 0.8)
    assert statistics.standardised_difference([1.0], [2.0, 3.0]) is None
    assert statistics.standardised_difference([1.0, 1.0], [2.0, 2.0]) is None


def test_mean_ranks_by_hand():
    # seed 0: 3, 2, 1 points -> ranks 1, 2, 3; seed 1: tie of the last two -> 1, 2.5, 2.5
    found = rank([[3, 2, 1], [9, 4, 4]])
    assert found.mean_ranks == (1.0, 2.25, 2.75)
    assert found.seeds == 2


def test_a_diverged_run_ranks_last():
    assert rank([[-INF, 2, 1], [-INF, -INF, 4]]).mean_ranks == (2.75, 1.75, 1.5)


def test_critical_difference_of_the_published_table():
    # Demsar 2006: q_0.05 = 2.569 for 4 classifiers, so 14 data sets give 1.25
    found = rank([[4, 3, 2, 1]] * 13 + [[1, 2, 3, 4]])
    assert found.critical_difference == pytest.approx(2.569 * math.sqrt(20 / 84), rel=1e-3)


def test_friedman():
    scores = [[3, 2, 1], [9, 4, 5], [3, 1, 2], [5, 6, 2]]
    columns = list(zip(*scores, strict=True))
    assert rank(scores).p == pytest.approx(stats.friedmanchisquare(*columns).pvalue)


def test_all_tied_has_no_test():
    assert rank([[1, 1, 1], [2, 2, 2]]).p is None


@pytest.mark.parametrize("scores", [[[1, 2, 3]], [[1, 2], [3, 4]]])
def test_too_little_to_rank(scores):
    assert rank(scores) is None
