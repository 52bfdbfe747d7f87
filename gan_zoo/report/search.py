"""Hyperparameter sweeps: what each loss reaches when the best of k settings is kept."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import gammaln

from gan_zoo.report.comparison import Comparison, Variant
from gan_zoo.report.load import Run
from gan_zoo.report.quantities import Quantity

MIN_SETTINGS = 3
_SEED = 20240229  # of the bootstrap; any fixed number


@dataclass(frozen=True)
class BudgetCurve:
    """Expected score of the chosen setting for each budget k = 1, 2, ..."""

    expected: tuple[float, ...]
    low: tuple[float, ...]  # 95% percentile bootstrap over settings
    high: tuple[float, ...]


@dataclass(frozen=True)
class LossSearch:
    """What one loss reaches for each number of settings tried."""

    loss: str
    variant: int  # the first setting, whose color the loss has
    settings: int
    lost: int  # settings none of whose runs finished
    selected_by: str  # the metric that chooses the setting
    curve: BudgetCurve  # in the metric's own unit


Budgets = Mapping[str, Sequence[LossSearch]]  # metric -> losses


def search_all(comparison: Comparison) -> Budgets:
    """Return ``search`` for every metric that has a direction."""
    return {m.name: search(comparison, m) for m in comparison.metrics if m.better}


def search(comparison: Comparison, metric: Quantity) -> list[LossSearch]:
    """Return the budget curves of all losses if at least one has three settings.

    A setting's value is the mean over its finished runs. It is chosen on the validation split if
    the runs measured the same quantity there, else on the metric itself, which is optimistic.
    """
    groups: dict[str, list[Variant]] = {}
    for variant in comparison.variants:
        groups.setdefault(variant.runs[0].record.loss, []).append(variant)
    if metric.better == 0 or max(map(len, groups.values()), default=0) < MIN_SETTINGS:
        return []
    found = (_loss_search(loss, settings, metric) for loss, settings in groups.items())
    return [entry for entry in found if entry is not None]


def _loss_search(loss: str, settings: list[Variant], metric: Quantity) -> LossSearch | None:
    runs = [run for variant in settings for run in variant.runs]
    column = validation_column(metric.name.removeprefix("best_"), runs)
    scores = [_mean([*variant.values(metric.name).values()]) for variant in settings]
    chosen = scores
    if column is not None:
        chosen = [_mean([_validated(r, column, metric) for r in v.finished]) for v in settings]
    selection = [
        metric.better * value if math.isfinite(value + score) else -math.inf
        for value, score in zip(chosen, scores, strict=True)
    ]
    lost = selection.count(-math.inf)
    if lost == len(settings):
        return None
    curve = budget_curve(selection, scores, np.random.default_rng(_SEED))
    return LossSearch(loss, settings[0].index, len(settings), lost, column or metric.name, curve)


def validation_column(metric: str, runs: list[Run]) -> str | None:
    """Return the history column of the same quantity on the validation split, if all runs have it.

    Example: ``fid_mnistcnn_validation_1k`` for ``fid_mnistcnn_test_10k``.
    """
    prefix, split, _ = metric.partition("_test")
    if not split or not runs:
        return None
    shared = set.intersection(*(set(map(str, run.history.columns)) for run in runs))
    return min((name for name in shared if name.startswith(f"{prefix}_validation")), default=None)


def _validated(run: Run, column: str, metric: Quantity) -> float:
    """Return the validation value of the metric's checkpoint: the last epoch or the best one."""
    values = run.history[column].dropna()
    if values.empty:
        return math.nan
    best = float((metric.better * values).max() * metric.better)
    return best if metric.checkpoint.startswith("best_") else float(values.iloc[-1])


def _mean(values: list[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def best_of_k(selection: Sequence[float], scores: Sequence[float]) -> list[float]:
    """Return the expected score of the best of k settings drawn without replacement, k = 1 ... K.

    Exact: with settings sorted by the selection value, higher first, the i-th (from 0) is chosen
    with probability ``C(K - 1 - i, k - 1) / C(K, k)``. A setting whose selection value is minus
    infinity (all its runs diverged) has no score; it uses up budget, and the expectation is over
    draws that hold at least one other.

    >>> [round(value, 2) for value in best_of_k([1, 2, 3], [10, 20, 30])]
    [20.0, 26.67, 30.0]
    """
    chosen_by = np.asarray(selection, dtype=np.float64)
    order = np.argsort(-chosen_by, kind="stable")
    alive = order[np.isfinite(chosen_by[order])]
    chances = _chances(len(scores))[:, : len(alive)]
    total = chances.sum(axis=1)
    reached = chances @ np.asarray(scores, dtype=np.float64)[alive]
    return np.divide(reached, total, out=np.full_like(total, np.nan), where=total > 0).tolist()


def budget_curve(
    selection: Sequence[float],
    scores: Sequence[float],
    rng: np.random.Generator,
    repeats: int = 1000,
) -> BudgetCurve:
    """Return ``best_of_k`` with a percentile bootstrap over the settings.

    For few settings the band is too narrow, as every percentile bootstrap is; it shows which
    budgets the settings at hand say anything about.
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
    """Return, in row k - 1 and column i, P(the i-th best of all is the best of k drawn)."""
    k = np.arange(1, count + 1, dtype=np.float64)[:, None]
    i = np.arange(count, dtype=np.float64)[None, :]
    with np.errstate(invalid="ignore"):
        logarithm = _log_choose(count - 1 - i, k - 1) - _log_choose(np.float64(count), k)
    return np.where(i + k <= count, np.exp(logarithm), 0.0)


def _log_choose(n: np.ndarray | np.float64, k: np.ndarray) -> np.ndarray:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
