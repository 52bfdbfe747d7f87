"""Two variants against each other: probability of improvement, exact tests, differences.

All functions take scores of which higher is better; a run that diverged scores minus infinity, so
it loses against every run that did not. Sources: Mann and Whitney 1947; Newcombe, Statistics in
Medicine 25 (2006), 559-573; Hodges and Lehmann 1963; Holm 1979; Agarwal et al. 2021 for the
probability of improvement as a summary.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from gan_zoo.report.statistics import CONFIDENCE, Interval, student_quantile

_EXACT_FLIPS = 20  # 2^20 sign patterns are enumerated; more pairs than that are not
_EXACT_RANKS = 100  # runs of both variants whose ranks are dealt in all ways; time: fourth power


def probability_of_improvement(x: ArrayLike, y: ArrayLike) -> float:
    """P(X > Y) + P(X = Y) / 2 over all pairs of runs: the Mann-Whitney U over n m.

    >>> probability_of_improvement([3, 4], [1, 3])
    0.875
    """
    a, b = _column(x)[:, None], _column(y)[None, :]
    return float(((a > b) + 0.5 * (a == b)).mean())


@lru_cache(maxsize=4096)
def improvement_interval(theta: float, n: int, m: int) -> Interval | None:
    """95% interval of the probability of improvement from an observed ``theta``.

    Newcombe's method 5: all t with ``(t - theta)^2 <= q^2 V(t)``, where
    ``V(t) = t (1 - t) (1 + N (1 - t) / (2 - t) + N t / (1 + t)) / (n m)``, N = (n + m) / 2 - 1.
    Deviation: q is Student's quantile with n + m - 2 degrees of freedom instead of the normal one,
    without which three separated seeds would exclude 1/2 although no exact test can. It does not
    collapse to a point when all runs of one variant beat all of the other, as a bootstrap does.
    None for fewer than three runs in all.
    """
    if n + m < 3:
        return None
    square = student_quantile(n + m - 2) ** 2
    size = (n + m) / 2 - 1

    def excess(t: float) -> float:
        spread = t * (1 - t) * (1 + size * (1 - t) / (2 - t) + size * t / (1 + t)) / (n * m)
        return (t - theta) ** 2 - square * spread

    edge = 1e-9  # at theta = 0 or 1 the end itself is a root of no interest
    low = 0.0 if theta <= edge else _root(excess, 0.0, min(theta, 1 - edge))
    high = 1.0 if theta >= 1 - edge else _root(excess, max(theta, edge), 1.0)
    return Interval(low, high)


def rank_test(x: ArrayLike, y: ArrayLike) -> float:
    """Exact two-sided p of the Mann-Whitney test, given the ties that are there.

    Counts, over all equally likely ways to deal the pooled ranks, those whose rank sum is at least
    as far from its mean as the observed one. Ties share their mean rank. Of more than 100 runs in
    all it is the normal approximation, corrected for ties and continuity.

    >>> rank_test([4, 5, 6], [1, 2, 3])
    0.1
    """
    a, b = _column(x), _column(y)
    if len(a) + len(b) > _EXACT_RANKS:
        return _approximate_p(a, b)
    pool = np.concatenate([a, b])
    doubled = (pool[:, None] > pool).sum(1) + (pool[:, None] >= pool).sum(1) + 1  # twice the ranks
    ways = _rank_sum_counts(tuple(sorted(doubled.tolist())), len(a))
    centre = len(a) * (len(doubled) + 1)  # mean of the doubled rank sum
    distance = np.abs(np.arange(len(ways)) - centre)
    extreme = ways[distance >= abs(int(doubled[: len(a)].sum()) - centre)]
    return min(1.0, extreme.sum().item() / math.comb(len(doubled), len(a)))


def smallest_p(n: int, m: int) -> float:
    """The smallest two-sided p that any data can give the rank test: 2 / C(n + m, n).

    >>> smallest_p(3, 3), round(smallest_p(5, 5), 4)
    (0.1, 0.0079)
    """
    return min(1.0, 2 / math.comb(n + m, n))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, running = [0.0] * len(p), 0.0
    for place, i in enumerate(order):
        running = max(running, min(1.0, (len(p) - place) * p[i]))
        adjusted[i] = running
    return adjusted


def hodges_lehmann(x: ArrayLike, y: ArrayLike) -> float:
    """Median of all differences x - y: the shift between two variants, in the metric's unit."""
    return float(np.median(np.subtract.outer(_column(x), _column(y))))


def hodges_lehmann_interval(x: ArrayLike, y: ArrayLike) -> Interval | None:
    """Interval of at least 95% for the shift, by inverting the exact rank test.

    The k-th smallest and largest difference, k the largest with ``P(U < k) <= 0.025``, of more than
    100 runs in all by the normal approximation. None where even the extreme differences cover less
    than 95%, as for three seeds each.
    """
    differences = np.sort(np.subtract.outer(_column(x), _column(y)).ravel())
    k = _critical(len(_column(x)), len(_column(y)))
    return Interval(float(differences[k - 1]), float(differences[-k])) if k else None


def sign_flip(differences: ArrayLike) -> float | None:
    """Exact two-sided p that paired differences are symmetric about zero.

    The share of all sign patterns whose mean is at least as far from zero as the observed one. It
    cannot go below 2 / 2^n: 0.0625 for five pairs. None without pairs, or with more than 20.
    """
    d = _column(differences)
    if not 1 <= len(d) <= _EXACT_FLIPS:
        return None
    sums = np.zeros(1)
    for value in d:
        sums = np.concatenate([sums + value, sums - value])
    tolerance = 1e-9 * float(np.abs(d).sum())
    return float(np.mean(np.abs(sums) >= abs(d.sum()) - tolerance))


def standardised_difference(x: ArrayLike, y: ArrayLike) -> float | None:
    """Hedges' g: (mean x - mean y) over the pooled deviation, times 1 - 3 / (4 (n + m) - 9)."""
    a, b = _column(x), _column(y)
    freedom = len(a) + len(b) - 2
    if min(len(a), len(b)) < 2:
        return None
    squares = ((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()
    if squares == 0:
        return None
    correction = 1 - 3 / (4 * freedom - 1)
    return float(correction * (a.mean() - b.mean()) / math.sqrt(squares / freedom))


def _column(values: ArrayLike) -> np.ndarray:
    return np.asarray(values, dtype=np.float64).ravel()


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(optimize.brentq(function, low, high))


def _approximate_p(a: np.ndarray, b: np.ndarray) -> float:
    if len(np.unique(np.concatenate([a, b]))) == 1:
        return 1.0  # all ways to deal equal ranks are alike; the approximation has no spread
    found = stats.mannwhitneyu(a, b, alternative="two-sided", method="asymptotic")
    return float(found.pvalue)


@lru_cache(maxsize=256)
def _critical(n: int, m: int) -> int:
    """How many values U = 0, 1, ... of the rank test have ``P(U < k) <= 0.025`` together."""
    tail = (1 - CONFIDENCE) / 2
    if n + m > _EXACT_RANKS:
        spread = math.sqrt(n * m * (n + m + 1) / 12)
        return math.floor(n * m / 2 + float(stats.norm.ppf(tail)) * spread + 0.5)
    ways = _rank_sum_counts(tuple(range(2, 2 * (n + m) + 1, 2)), n)[n * (n + 1) :: 2]
    shares = np.cumsum(ways) / math.comb(n + m, n)
    return int(np.searchsorted(shares, tail, side="right"))


@lru_cache(maxsize=256)
def _rank_sum_counts(doubled: tuple[int, ...], n: int) -> np.ndarray:
    """How many of the subsets of size n have which sum: whole numbers, or to 13 digits."""
    exact = all(math.comb(len(doubled), k) < 2**62 for k in range(n + 1))
    kind: type = np.int64 if exact else np.float64
    counts: np.ndarray = np.zeros((n + 1, sum(doubled) + 1), dtype=kind)
    counts[0, 0] = 1
    for value in doubled:
        counts[1:, value:] += counts[:-1, : counts.shape[1] - value]  # numpy copies what overlaps
    return counts[n]
