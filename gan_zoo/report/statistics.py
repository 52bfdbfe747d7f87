"""Statistics of a few seeds: estimates with intervals, comparisons of two variants, ranks.

Pure functions of arrays; each states its method and the sample size from which it can conclude
anything. Functions of two variants take scores where higher is better. A run that diverged scores
minus infinity, so it loses to every run that did not. Sources: Mann and Whitney 1947; Newcombe,
Statistics in Medicine 25 (2006), 559-573; Hodges and Lehmann 1963; Holm 1979; Demsar, JMLR 7
(2006); Agarwal et al. 2021 for interquartile means and the probability of improvement.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

CONFIDENCE = 0.95
MAX_EXACT_PAIRS = 20  # 2^20 sign patterns are enumerated
MAX_EXACT_RUNS = 100  # of both variants; counting rank sums takes time of the fourth power


@dataclass(frozen=True)
class Interval:
    """A closed interval that holds the estimated quantity with 95% confidence."""

    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """Location and spread of one metric over the finished seeds of one variant."""

    n: int
    mean: float
    median: float
    iqm: float
    smallest: float
    largest: float
    interval: Interval | None  # of the mean; None below two seeds


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of k variants over N seeds that all of them have; 1 is best."""

    seeds: int
    mean_ranks: tuple[float, ...]
    p: float | None  # Friedman's test; None where it is not defined
    critical_difference: float


def estimate(values: Sequence[float], low: float = -math.inf, high: float = math.inf) -> Estimate:
    """Summarize one metric over seeds; ``low`` and ``high`` bound the metric's domain.

    Raises:
        ValueError: ``values`` is empty.
    """
    if len(values) == 0:
        raise ValueError("values must hold at least one number, got none")
    x = np.asarray(values, dtype=np.float64)
    return Estimate(
        n=len(x),
        mean=float(x.mean()),
        median=float(np.median(x)),
        iqm=interquartile_mean(x),
        smallest=float(x.min()),
        largest=float(x.max()),
        interval=t_interval(x, low, high),
    )


def interquartile_mean(values: ArrayLike) -> float:
    """Return the mean of the middle half, cutting a quarter (rounded down) at each end.

    With fewer than four values nothing is cut (Agarwal et al. 2021, section 4).
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    cut = len(x) // 4
    return float(x[cut : len(x) - cut].mean())


def t_interval(
    values: ArrayLike, low: float = -math.inf, high: float = math.inf
) -> Interval | None:
    """Return Student's 95% interval of a mean, ``mean ± t_{n-1, 0.975} s / sqrt(n)``, clipped.

    Exact for normal values and any n >= 2. None below that, and where all values are equal: a point
    would claim that no other seed can give another value. For skewed values it covers less: at
    n = 3, 5 and 10 about 88, 88 and 90% for exponential ones. A percentile bootstrap would cover
    only 74, 84 and 90% even for normal ones (``tests/report/test_statistics.py`` simulates all).

    Args:
        values: one per seed.
        low: lower bound of the metric's domain, to which the interval is clipped.
        high: upper bound.
    """
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2 or x.min() == x.max():
        return None
    half = _student_quantile(len(x) - 1) * float(x.std(ddof=1)) / math.sqrt(len(x))
    mean = float(x.mean())
    return Interval(max(mean - half, low), min(mean + half, high))


def probability_of_improvement(x: ArrayLike, y: ArrayLike) -> float:
    """Return P(X > Y) + P(X = Y) / 2 over all pairs of runs: the Mann-Whitney U over n m.

    >>> probability_of_improvement([3, 4], [1, 3])
    0.875
    """
    a, b = _column(x)[:, None], _column(y)[None, :]
    return float(((a > b) + 0.5 * (a == b)).mean())


@lru_cache(maxsize=4096)
def improvement_interval(theta: float, n: int, m: int) -> Interval | None:
    """Return the 95% interval of the probability of improvement from an observed ``theta``.

    Newcombe's method 5: all t with ``(t - theta)^2 <= q^2 V(t)``, where
    ``V(t) = t (1 - t) (1 + N (1 - t) / (2 - t) + N t / (1 + t)) / (n m)``, N = (n + m) / 2 - 1.
    Deviation: q is Student's quantile with n + m - 2 degrees of freedom instead of the normal one,
    without which three separated seeds would exclude 1/2 although no exact test can. It does not
    collapse to a point when all runs of one variant beat all of the other, as a bootstrap does.
    None for fewer than three runs in all.
    """
    if n + m < 3:
        return None
    square = _student_quantile(n + m - 2) ** 2
    size = (n + m) / 2 - 1

    def excess(t: float) -> float:
        spread = t * (1 - t) * (1 + size * (1 - t) / (2 - t) + size * t / (1 + t)) / (n * m)
        return (t - theta) ** 2 - square * spread

    edge = 1e-9  # at theta = 0 or 1 the end itself is a spurious root
    low = 0.0 if theta <= edge else float(optimize.brentq(excess, 0.0, min(theta, 1 - edge)))
    high = 1.0 if theta >= 1 - edge else float(optimize.brentq(excess, max(theta, edge), 1.0))
    return Interval(low, high)


def rank_test(x: ArrayLike, y: ArrayLike) -> float:
    """Return the exact two-sided p of the Mann-Whitney test, conditional on the ties present.

    Counts, over all equally likely ways to deal the pooled ranks, those whose rank sum is at least
    as far from its mean as the observed one. Ties share their mean rank. For more than 100 runs in
    all it is the normal approximation, corrected for ties and continuity. SciPy has no exact test
    with ties that is fast enough: its ``permutation_test`` enumerates the deals themselves.

    >>> rank_test([4, 5, 6], [1, 2, 3])
    0.1
    """
    a, b = _column(x), _column(y)
    pool = np.concatenate([a, b])
    if len(pool) > MAX_EXACT_RUNS:
        if pool.min() == pool.max():
            return 1.0  # the approximation has no spread
        return float(stats.mannwhitneyu(a, b, method="asymptotic").pvalue)
    doubled = (pool[:, None] > pool).sum(1) + (pool[:, None] >= pool).sum(1) + 1  # twice the ranks
    ways = _rank_sum_counts(tuple(sorted(doubled.tolist())), len(a))
    center = len(a) * (len(doubled) + 1)  # mean of the doubled rank sum
    distance = np.abs(np.arange(len(ways)) - center)
    extreme = ways[distance >= abs(int(doubled[: len(a)].sum()) - center)]
    return min(1.0, extreme.sum().item() / math.comb(len(doubled), len(a)))


def smallest_p(n: int, m: int) -> float:
    """Return the smallest two-sided p that any data can give the rank test: 2 / C(n + m, n).

    >>> smallest_p(3, 3), round(smallest_p(5, 5), 4)
    (0.1, 0.0079)
    """
    return min(1.0, 2 / math.comb(n + m, n))


def holm(p: Sequence[float]) -> list[float]:
    """Return Holm's step-down adjustment of p-values, in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    scaled = np.minimum(1.0, np.arange(len(p), 0, -1) * np.asarray(p, dtype=np.float64)[order])
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(scaled)
    return adjusted.tolist()


def hodges_lehmann(x: ArrayLike, y: ArrayLike) -> float:
    """Return the median of all differences x - y: the shift between two variants."""
    return float(np.median(np.subtract.outer(_column(x), _column(y))))


def hodges_lehmann_interval(x: ArrayLike, y: ArrayLike) -> Interval | None:
    """Return an interval of at least 95% for the shift, by inverting the exact rank test.

    The k-th smallest and largest difference, k the largest with ``P(U < k) <= 0.025``; for more
    than 100 runs in all by the normal approximation. None where even the extreme differences cover
    less than 95%, as for three seeds each.
    """
    differences = np.sort(np.subtract.outer(_column(x), _column(y)).ravel())
    k = _critical_count(len(_column(x)), len(_column(y)))
    return Interval(float(differences[k - 1]), float(differences[-k])) if k else None


def sign_flip(differences: ArrayLike) -> float | None:
    """Return the exact two-sided p that paired differences are symmetric about zero.

    The share of all sign patterns whose mean is at least as far from zero as the observed one. It
    cannot go below 2 / 2^n: 0.0625 for five pairs. None without pairs, or with more than 20.
    """
    d = _column(differences)
    if not 1 <= len(d) <= MAX_EXACT_PAIRS:
        return None
    sums = np.zeros(1)
    for value in d:
        sums = np.concatenate([sums + value, sums - value])
    tolerance = 1e-9 * float(np.abs(d).sum())
    return float(np.mean(np.abs(sums) >= abs(d.sum()) - tolerance))


def standardised_difference(x: ArrayLike, y: ArrayLike) -> float | None:
    """Return Hedges' g: (mean x - mean y) over the pooled deviation, times 1 - 3 / (4 dof - 1)."""
    a, b = _column(x), _column(y)
    freedom = len(a) + len(b) - 2
    if min(len(a), len(b)) < 2:
        return None
    squares = ((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()
    if squares == 0:
        return None
    correction = 1 - 3 / (4 * freedom - 1)
    return float(correction * (a.mean() - b.mean()) / math.sqrt(squares / freedom))


def rank(scores: ArrayLike) -> Ranking | None:
    """Rank variants (columns) within seeds (rows) by scores where higher is better.

    A seed is a block: its runs share initial weights, data order and latents. Ties, among them all
    diverged runs of a seed, share their mean rank. Two mean ranks differ significantly by more than
    ``q sqrt(k (k + 1) / (6 N))``, q the studentized range quantile over sqrt(2) (Demsar 2006,
    section 3.2.2; an approximation that is poor for few seeds). None for fewer than three variants
    or two seeds.
    """
    table = np.asarray(scores, dtype=np.float64)
    n, k = table.shape
    if n < 2 or k < 3:
        return None
    ranks = stats.rankdata(-table, axis=1)
    quantile = float(stats.studentized_range.ppf(CONFIDENCE, k, np.inf)) / math.sqrt(2)
    tied = bool((ranks == ranks[:, :1]).all())
    return Ranking(
        seeds=n,
        mean_ranks=tuple(ranks.mean(axis=0).tolist()),
        p=None if tied else float(stats.friedmanchisquare(*ranks.T).pvalue),
        critical_difference=quantile * math.sqrt(k * (k + 1) / (6 * n)),
    )


def _column(values: ArrayLike) -> np.ndarray:
    return np.asarray(values, dtype=np.float64).ravel()


@lru_cache(maxsize=256)
def _student_quantile(freedom: int) -> float:
    """Return the 0.975 quantile of Student's t, which bounds the middle 95%."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))


@lru_cache(maxsize=256)
def _critical_count(n: int, m: int) -> int:
    """Return how many values U = 0, 1, ... of the rank test have ``P(U < k) <= 0.025`` together."""
    tail = (1 - CONFIDENCE) / 2
    if n + m > MAX_EXACT_RUNS:
        spread = math.sqrt(n * m * (n + m + 1) / 12)
        return math.floor(n * m / 2 + float(stats.norm.ppf(tail)) * spread + 0.5)
    ways = _rank_sum_counts(tuple(range(2, 2 * (n + m) + 1, 2)), n)[n * (n + 1) :: 2]
    shares = np.cumsum(ways) / math.comb(n + m, n)
    return int(np.searchsorted(shares, tail, side="right"))


@lru_cache(maxsize=256)
def _rank_sum_counts(doubled: tuple[int, ...], n: int) -> np.ndarray:
    """Return for each sum how many subsets of size n have it: exact up to 2^62, else 13 digits."""
    exact = all(math.comb(len(doubled), k) < 2**62 for k in range(n + 1))
    kind: type = np.int64 if exact else np.float64
    counts: np.ndarray = np.zeros((n + 1, sum(doubled) + 1), dtype=kind)
    counts[0, 0] = 1
    for value in doubled:
        counts[1:, value:] += counts[:-1, : counts.shape[1] - value]  # numpy copies what overlaps
    return counts[n]
