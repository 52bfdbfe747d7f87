"""Statistics of a few seeds: estimates with intervals, pairwise comparisons, ranks.

Pure functions of arrays. Every interval and test is named and says from which sample size on it
can conclude anything at all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

CONFIDENCE = 0.95


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


def estimate(values: Sequence[float], low: float = -math.inf, high: float = math.inf) -> Estimate:
    """Summarise one metric over seeds; ``low`` and ``high`` bound the metric's domain.

    Raises:
        ValueError: no values.
    """
    if len(values) == 0:
        raise ValueError("no values to summarise; leave the cell empty instead")
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
    """Mean of the middle half: a quarter of the values (rounded down) cut at each end.

    With fewer than four values nothing is cut and it is the mean (Agarwal et al. 2021, section 4).
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    cut = len(x) // 4
    return float(x[cut : len(x) - cut].mean())


@lru_cache(maxsize=256)
def student_quantile(freedom: int) -> float:
    """The 0.975 quantile of Student's t, which bounds the middle 95%."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))


def t_interval(
    values: ArrayLike, low: float = -math.inf, high: float = math.inf
) -> Interval | None:
    """Student's 95% interval of a mean, ``mean ± t_{n-1, 0.975} s / sqrt(n)``, cut to the domain.

    Exact for normal values and any n >= 2; None below that, and where all values are equal: a point
    would say that no other seed can give another value. Of skewed values it covers less: at
    n = 3, 5 and 10 about 88, 88 and 90% for exponential ones. A percentile bootstrap would cover
    only 74, 84 and 90% even for normal ones (``tests/report/test_statistics.py`` simulates all).
    """
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2 or x.min() == x.max():
        return None
    half = student_quantile(len(x) - 1) * float(x.std(ddof=1)) / math.sqrt(len(x))
    mean = float(x.mean())
    return Interval(max(mean - half, low), min(mean + half, high))
