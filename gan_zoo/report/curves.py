"""Learning curves over seeds: middle and band, against any axis of cost."""

from dataclasses import dataclass

import numpy as np

from gan_zoo.report.comparison import Variant


@dataclass(frozen=True)
class Curve:
    """One history column of one variant: median over seeds, smallest and largest seed."""

    x: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    seeds: np.ndarray  # how many seeds have a value there


def curve(variant: Variant, column: str, axis: str = "epoch") -> Curve | None:
    """Aggregate a column over all seeds of a variant, epoch by epoch; None if nobody has it.

    Seeds are aligned by epoch. On another axis, each point sits at the median over seeds of that
    axis at that epoch. A run that diverged counts as long as it lived.
    """
    runs = [r for r in variant.runs if {"epoch", axis, column} <= set(r.history.columns)]
    if not runs:
        return None
    epochs = np.unique(np.concatenate([run.history["epoch"].to_numpy() for run in runs]))
    x, y = np.full((2, len(runs), len(epochs)), np.nan)
    for row, run in enumerate(runs):
        places = np.searchsorted(epochs, run.history["epoch"].to_numpy())
        x[row, places], y[row, places] = run.history[axis], run.history[column]
    known = np.isfinite(x) & np.isfinite(y)
    kept = known.any(axis=0)
    if not kept.any():
        return None
    x, y = (np.where(known, values, np.nan)[:, kept] for values in (x, y))
    return Curve(
        _median(x),
        _median(y),
        np.nanmin(y, axis=0),
        np.nanmax(y, axis=0),
        known[:, kept].sum(axis=0),
    )


def _median(values: np.ndarray) -> np.ndarray:
    """Over seeds; numpy's own median of arrays with gaps is several times slower."""
    return np.nanmedian(values, axis=0) if np.isnan(values).any() else np.median(values, axis=0)
