"""Does a loss curve say anything about the samples? Its correlation with their quality.

Kendall's tau, since only the order matters: losses of two methods have no common unit.
Two questions: does the curve move with quality while one run trains, and, at the end, does the run
with the lower loss have the better samples?
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from gan_zoo.report.comparison import Variant
from gan_zoo.report.quantities import Quantity
from gan_zoo.report.statistics import Interval, t_interval

LOSSES = {
    "discriminator": "discriminator_test_generation",
    "generator": "generator_test_generation",
}
LEAST = 3  # points of which an order says anything


@dataclass(frozen=True)
class Correlation:
    """A loss column against quality; positive where a lower loss goes with better samples."""

    within: tuple[float, ...]  # Kendall's tau over the measurements of each run
    within_mean: float | None
    within_interval: Interval | None  # Student's, over runs
    between: float | None  # Kendall's tau over runs, of their last values
    runs: int
    p: float | None  # of ``between``: exact without ties


def correlation(variant: Variant, loss: str, quality: str, metric: Quantity) -> Correlation | None:
    """Return how a loss goes with quality, within runs and between them.

    Args:
        variant: whose finished runs.
        loss: history column of the loss.
        quality: history column of the validation measurement, with the direction of ``metric``.
        metric: the final number that ``between`` compares with the last value of the loss.

    Returns:
        None if no run has both columns.
    """
    runs = [run for run in variant.finished if {loss, quality} <= set(run.history.columns)]
    if not runs:
        return None
    tables = [run.history[[loss, quality]].dropna() for run in runs]
    within = [_tau(t[loss].to_numpy(), -metric.better * t[quality].to_numpy()) for t in tables]
    known = tuple(tau for tau, _ in within if tau is not None)
    finals = [
        (float(table[loss].iloc[-1]), -metric.better * value)
        for run, table in zip(runs, tables, strict=True)
        if len(table) and (value := run.record.metrics.get(metric.name)) is not None
    ]
    x, y = np.array(finals).reshape(-1, 2).T
    between, p = _tau(x, y)
    return Correlation(
        within=known,
        within_mean=float(np.mean(known)) if known else None,
        within_interval=t_interval(known, -1.0, 1.0) if known else None,
        between=between,
        runs=len(finals),
        p=p,
    )


def _tau(x: np.ndarray, y: np.ndarray) -> tuple[float | None, float | None]:
    """Kendall's tau and its p; none of fewer than three points, or where one side is constant."""
    if len(x) < LEAST or len(np.unique(x)) < 2 or len(np.unique(y)) < 2:
        return None, None
    found = stats.kendalltau(x, y)
    tau = float(found.statistic)
    return (tau, float(found.pvalue)) if math.isfinite(tau) else (None, None)
