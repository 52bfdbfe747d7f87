"""What a method reaches when k settings are tried and the best on validation is kept."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import gammaln


@dataclass(frozen=True)
class BudgetCurve:
    """Expected score of the chosen setting for each budget k = 1, 2, ..."""

    expected: tuple[float, ...]
    low: tuple[float, ...]  # 95% percentile bootstrap over settings
    high: tuple[float, ...]


def best_of_k(selection: Sequence[float], scores: Sequence[float]) -> list[float]:
    """Expected score of the best of k settings drawn without replacement, for k = 1 ... K.

    Exact: with settings sorted by the selection value, higher first, the i-th (from 0) is chosen
    with probability ``C(K - 1 - i, k - 1) / C(K, k)``. A setting whose selection value is minus
    infinity (all its runs diverged) has no score; it uses up budget, and the expectation is over
    draws that hold at least one other.

    >>> [round(value, 2) for value in best_of_k([1, 2, 3], [10, 20, 30])]
    [20.0, 26.67, 30.0]
    """
    order = np.argsort(-np.asarray(selection, dtype=np.float64), kind="stable")
    alive = order[np.isfinite(np.asarray(selection, dtype=np.float64)[order])]
    chances = _chances(len(scores))[:, : len(alive)]
    total = chances.sum(axis=1)
    reached = chances @ np.asarray(scores, dtype=np.float64)[alive]
    return [
        r / t if t > 0 else math.nan for r, t in zip(reached.tolist(), total.tolist(), strict=True)
    ]


def budget_curve(
    selection: Sequence[float],
    scores: Sequence[float],
    rng: np.random.Generator,
    repeats: int = 1000,
) -> BudgetCurve:
    """``best_of_k`` with a percentile bootstrap over the settings.

    For few settings the band is too narrow, as every percentile bootstrap; it shows which budgets
    the settings at hand say anything about.
    """
    curves = []
    for _ in range(repeats):
        drawn = rng.integers(len(scores), size=len(scores))
        curves.append(best_of_k([selection[i] for i in drawn], [scores[i] for i in drawn]))
    usable = np.asarray([curve for curve in curves if not math.isnan(curve[0])])
    low, high = np.quantile(usable, [0.025, 0.975], axis=0)
    return BudgetCurve(tuple(best_of_k(selection, scores)), tuple(low), tuple(high))


@lru_cache(maxsize=16)
def _chances(count: int) -> np.ndarray:
    """Row k - 1, column i: the probability that the i-th best of all is the best of k drawn."""
    k = np.arange(1, count + 1, dtype=np.float64)[:, None]
    i = np.arange(count, dtype=np.float64)[None, :]
    with np.errstate(invalid="ignore"):
        logarithm = _log_choose(count - 1 - i, k - 1) - _log_choose(np.float64(count), k)
    return np.where(i + k <= count, np.exp(logarithm), 0.0)


def _log_choose(n: np.ndarray | np.float64, k: np.ndarray) -> np.ndarray:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
