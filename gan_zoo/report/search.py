"""Hyper-parameter sweeps: best-of-k budget curves for every loss with several settings."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gan_zoo.report.budget import BudgetCurve, budget_curve
from gan_zoo.report.comparison import Comparison, Variant
from gan_zoo.report.load import Run
from gan_zoo.report.quantities import Quantity

LEAST_SETTINGS = 3
_SEED = 20240229  # of the bootstrap; any fixed number


@dataclass(frozen=True)
class LossSearch:
    """What one loss reaches for each number of settings tried."""

    loss: str
    variant: int  # the first setting, whose colour the loss has
    settings: int
    lost: int  # settings none of whose runs finished
    selected_by: str  # the metric that chooses the setting
    curve: BudgetCurve  # in the metric's own unit


Budgets = Mapping[str, Sequence[LossSearch]]  # metric -> losses


def search_all(comparison: Comparison) -> Budgets:
    """``search`` for every metric that has a direction."""
    return {m.name: search(comparison, m) for m in comparison.metrics if m.better}


def search(comparison: Comparison, metric: Quantity) -> list[LossSearch]:
    """Budget curves of all losses, if at least one of them was tried with three settings.

    A setting's value is the mean over its finished runs. It is chosen on the validation split if
    the runs measured the same quantity there, else on the metric itself, which is optimistic.
    """
    groups: dict[str, list[Variant]] = {}
    for variant in comparison.variants:
        groups.setdefault(variant.runs[0].record.loss, []).append(variant)
    if metric.better == 0 or max(map(len, groups.values()), default=0) < LEAST_SETTINGS:
        return []
    return [
        found
        for loss, settings in groups.items()
        if (found := _loss_search(loss, settings, metric)) is not None
    ]


def _loss_search(loss: str, settings: list[Variant], metric: Quantity) -> LossSearch | None:
    twin = validation_twin(
        metric.name.removeprefix("best_"), [run for variant in settings for run in variant.runs]
    )
    scores, selection = [], []
    for variant in settings:
        score = _mean(list(variant.values(metric.name).values()))
        chosen = _mean(
            [_validated(run, twin, metric) for run in variant.finished] if twin else [score]
        )
        usable = math.isfinite(score) and math.isfinite(chosen)
        scores.append(score)
        selection.append(metric.better * chosen if usable else -math.inf)
    lost = sum(not math.isfinite(value) for value in selection)
    if lost == len(settings):
        return None
    curve = budget_curve(selection, scores, np.random.default_rng(_SEED))
    return LossSearch(loss, settings[0].index, len(settings), lost, twin or metric.name, curve)


def validation_twin(metric: str, runs: list[Run]) -> str | None:
    """The history column of the same quantity on the validation split, if all runs have one."""
    prefix, split, _ = metric.partition("_test")
    if not split:
        return None
    columns = [set(map(str, run.history.columns)) for run in runs]
    shared = set.intersection(*columns) if columns else set()
    found = sorted(name for name in shared if name.startswith(f"{prefix}_validation"))
    return found[0] if found else None


def _validated(run: Run, column: str, metric: Quantity) -> float:
    """The validation value that belongs to the metric's checkpoint: the last, or the best one."""
    values = run.history[column].dropna()
    if values.empty:
        return math.nan
    best = float((metric.better * values).max() * metric.better)
    return best if metric.checkpoint.startswith("best_") else float(values.iloc[-1])


def _mean(values: list[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan
