import itertools
import math

import numpy as np
import pytest
from scipy import stats

from gan_zoo.report import pairwise


def test_probability_of_improvement_by_hand():
    # pairs: 5>1, 5>5 tie, 5>7 no; 8 beats all; -inf loses against all
    assert pairwise.probability_of_improvement([5, 8, -math.inf], [1, 5, 7]) == pytest.approx(
        (1.5 + 3 + 0) / 9
    )


def test_two_diverged_runs_tie():
    assert pairwise.probability_of_improvement([-math.inf], [-math.inf]) == 0.5


def test_improvement_of_the_other_is_the_complement():
    x, y = [1.0, 4.0, 4.0, 9.0, 2.0], [3.0, 4.0, 0.0, 8.0, 1.0]
    there, back = (pairwise.probability_of_improvement(*pair) for pair in ((x, y), (y, x)))
    assert there + back == pytest.approx(1)
    a, b = pairwise.improvement_interval(there, 5, 5), pairwise.improvement_interval(back, 5, 5)
    assert (a.low, a.high) == pytest.approx((1 - b.high, 1 - b.low), abs=1e-6)


@pytest.mark.parametrize(("theta", "n", "m"), [(0.8, 5, 5), (0.55, 3, 7), (0.96, 10, 10)])
def test_improvement_interval_solves_its_equation(theta, n, m):
    found = pairwise.improvement_interval(theta, n, m)
    q, size = stats.t.ppf(0.975, n + m - 2), (n + m) / 2 - 1
    for t in (found.low, found.high):
        variance = t * (1 - t) / (n * m) * (1 + size * (1 - t) / (2 - t) + size * t / (1 + t))
        assert abs(t - theta) == pytest.approx(q * math.sqrt(variance), rel=1e-6)
    assert 0 < found.low < theta < found.high < 1


def test_three_separated_seeds_do_not_exclude_one_half():
    found = pairwise.improvement_interval(1.0, 3, 3)
    assert found.high == 1
    assert found.low < 0.5
    assert pairwise.improvement_interval(1.0, 5, 5).low > 0.5


def test_two_runs_in_all_have_no_interval():
    assert pairwise.improvement_interval(1.0, 1, 1) is None


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("truth", [0.5, 0.76, 0.95])
def test_improvement_interval_covers_at_least_what_it_claims(n, truth):
    rng = np.random.default_rng(n)
    shift = math.sqrt(2) * stats.norm.ppf(truth)
    x, y = rng.normal(shift, 1, (3000, n, 1)), rng.normal(0, 1, (3000, 1, n))
    wins = np.rint((x > y).sum(axis=(1, 2))).astype(int)
    known = {u: pairwise.improvement_interval(u / n**2, n, n) for u in set(wins.tolist())}
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
        ([-math.inf, -math.inf, 1, 4], [2, 3, 5, 6]),
        ([1, 1, 1], [1, 1, 1]),
    ],
)
def test_rank_test_by_enumeration(x, y):
    assert pairwise.rank_test(x, y) == pytest.approx(by_enumeration(x, y))


def test_rank_test_agrees_with_scipy_where_there_are_no_ties():
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.8, 1, 10), rng.normal(0, 1, 12)
    expected = stats.mannwhitneyu(x, y, method="exact").pvalue
    assert pairwise.rank_test(x, y) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 3), (5, 5), (4, 7)])
def test_no_data_go_below_the_smallest_p(n, m):
    separated = pairwise.rank_test(np.arange(n) + 100, np.arange(m))
    assert separated == pytest.approx(pairwise.smallest_p(n, m))


def test_published_smallest_p():
    assert pairwise.smallest_p(3, 3) == pytest.approx(0.1)
    assert pairwise.smallest_p(5, 5) == pytest.approx(2 / 252)


def test_holm_by_hand():
    # sorted: .005*4, .02*3, .03*2 -> .06, .5*1
    assert pairwise.holm([0.5, 0.005, 0.03, 0.02]) == pytest.approx([0.5, 0.02, 0.06, 0.06])
    assert pairwise.holm([0.9, 0.8]) == [1.0, 1.0]
    assert pairwise.holm([]) == []


def test_hodges_lehmann_by_hand():
    # differences 1-2, 1-4, 5-2, 5-4, 9-2, 9-4 = -1, -3, 3, 1, 7, 5: median 2
    assert pairwise.hodges_lehmann([1, 5, 9], [2, 4]) == 2


@pytest.mark.parametrize(("n", "m"), [(33, 34), (45, 55), (80, 20)])
def test_many_runs_are_counted_as_exactly_as_few(n, m):  # more ways than 64 bits hold
    rng = np.random.default_rng(n)
    x, y = rng.normal(0.5, 1, n), rng.normal(0, 1, m)
    expected = stats.mannwhitneyu(x, y, method="exact").pvalue
    assert pairwise.rank_test(x, y) == pytest.approx(expected, rel=1e-10)


def test_beyond_a_hundred_runs_the_normal_approximation_takes_over_without_a_step():
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.3, 0.6):
        x, y = rng.normal(shift, 1, 50).round(1), rng.normal(0, 1, 50).round(1)  # with ties
        exact = pairwise.rank_test(x, y)
        approximate = stats.mannwhitneyu(x, y, method="asymptotic").pvalue
        assert approximate == pytest.approx(exact, rel=0.15, abs=1e-5)
        assert pairwise.rank_test([*x, shift], y) == pytest.approx(exact, rel=0.35)
    assert pairwise.rank_test([1.0] * 60, [1.0] * 60) == 1.0
    here, beyond = (
        pairwise.hodges_lehmann_interval(rng.normal(0, 1, n), rng.normal(0, 1, 50))
        for n in (50, 51)
    )
    assert here.high - here.low == pytest.approx(beyond.high - beyond.low, rel=0.3)
    assert pairwise._critical(50, 51) == pytest.approx(pairwise._critical(50, 50), rel=0.03)


def test_hodges_lehmann_interval_of_the_published_table():
    # n = m = 5: P(U <= 2) = 4/252 = .0159, P(U <= 3) = 7/252 = .028, so k = 3 (critical U is 2)
    x, y = np.array([0, 10, 20, 30, 40]), np.array([1, 2, 3, 4, 5]) * 0.1
    differences = np.sort(np.subtract.outer(x, y).ravel())
    found = pairwise.hodges_lehmann_interval(x, y)
    assert (found.low, found.high) == (differences[2], differences[-3])


def test_three_seeds_give_no_interval_of_the_shift():
    assert pairwise.hodges_lehmann_interval([4, 5, 6], [1, 2, 3]) is None


def test_hodges_lehmann_interval_covers():
    rng = np.random.default_rng(1)
    pairs = [(rng.exponential(1, 6) + 2, rng.exponential(1, 6)) for _ in range(1500)]
    found = [pairwise.hodges_lehmann_interval(x, y) for x, y in pairs]
    assert np.mean([i.low <= 2 <= i.high for i in found]) > 0.95 - 4 * math.sqrt(0.0475 / 1500)


def test_sign_flip_by_enumeration():
    d = [1.0, -0.5, 2.0, 0.25, 3.0]
    sums = [sum(s * v for s, v in zip(signs, d, strict=True)) for signs in
            itertools.product((1, -1), repeat=5)]  # fmt: skip
    expected = sum(abs(s) >= abs(sum(d)) - 1e-12 for s in sums) / 32
    assert pairwise.sign_flip(d) == expected


def test_five_pairs_cannot_go_below_one_sixteenth():
    assert pairwise.sign_flip([1, 2, 3, 4, 5]) == 0.0625


def test_sign_flip_without_pairs():
    assert pairwise.sign_flip([]) is None
    assert pairwise.sign_flip([0.0, 0.0]) == 1.0


def test_standardised_difference_by_hand():
    # means 2 and 5, variances 1 and 1, pooled 1; correction 1 - 3 / 15
    assert pairwise.standardised_difference([1, 2, 3], [4, 5, 6]) == pytest.approx(-3 * 0.8)
    assert pairwise.standardised_difference([1.0], [2.0, 3.0]) is None
    assert pairwise.standardised_difference([1.0, 1.0], [2.0, 2.0]) is None
