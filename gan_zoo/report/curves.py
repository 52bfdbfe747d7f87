"""Learning curves over seeds: middle and band, against any axis of cost."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

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
    parts = [
        run.history[["epoch", axis, column] if axis != "epoch" else ["epoch", column]]
        for run in variant.runs
        if {"epoch", axis, column} <= set(run.history.columns)
    ]
    if not parts:
        return None
    table = pd.concat(parts).dropna(subset=[column, axis])
    if table.empty:
        return None
    groups = table.groupby("epoch")
    values = groups[column]
    x = groups[axis].median() if axis != "epoch" else values.median().index
    return Curve(
        np.asarray(x, dtype=np.float64),
        values.median().to_numpy(),
        values.min().to_numpy(),
        values.max().to_numpy(),
        values.count().to_numpy(),
    )
