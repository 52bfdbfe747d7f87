"""Per-class numbers and confusion matrices, where runs recorded them.

Two artifacts are known, both CSV: ``per_class`` (a column ``class`` and a column for each
quantity) and ``confusion_matrix`` (a row per intended label, a column per predicted class, with
a header; counts or shares).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gan_zoo.report.comparison import Variant
from gan_zoo.report.load import Run
from gan_zoo.report.pictures import artifact_path
from gan_zoo.runs.record import table_damage

MAX_CLASSES = 50


@dataclass(frozen=True)
class Confusion:
    """Shares of predicted classes for each intended label, mean over the variant's seeds."""

    variant: Variant
    seeds: int
    shares: np.ndarray  # (labels, classes), rows sum to 1

    @property
    def labels(self) -> list[str]:
        """Return the names of rows and columns: classes are numbered from 0."""
        return [str(label) for label in range(max(self.shares.shape))]


def per_class(variants: Sequence[Variant]) -> dict[str, dict[int, dict[str, float]]]:
    """Return quantity -> variant -> class -> mean over finished seeds."""
    rows = [
        (name, variant.index, label, value)
        for variant in variants
        for run in variant.finished
        for name, label, value in _from_table(run)
    ]
    gathered: dict[str, dict[int, dict[str, list[float]]]] = {}
    for name, index, label, value in sorted(rows, key=lambda row: row[0]):
        labels = gathered.setdefault(name, {}).setdefault(index, {})
        labels.setdefault(label, []).append(value)
    return {
        name: {
            index: {label: sum(v) / len(v) for label, v in labels.items()}
            for index, labels in found.items()
        }
        for name, found in gathered.items()
    }


def confusions(variants: Sequence[Variant]) -> list[Confusion]:
    """Return the mean confusion matrix of every variant whose runs recorded one."""
    found = []
    for variant in variants:
        matrices = [m for run in variant.finished if (m := _matrix(run)) is not None]
        same = [matrix for matrix in matrices if matrix.shape == matrices[0].shape]
        if same:
            found.append(Confusion(variant, len(same), np.mean(same, axis=0)))
    return found


def _from_table(run: Run) -> list[tuple[str, str, float]]:
    table = _read(run, "per_class")
    if table is None or "class" not in table.columns:
        return []
    labels = table.pop("class").astype(str)
    numbers = table.apply(pd.to_numeric, errors="coerce")
    return [
        (str(column), label, value)
        for column in numbers
        for label, value in zip(labels, numbers[column].tolist(), strict=True)
        if np.isfinite(value)
    ]


def _matrix(run: Run) -> np.ndarray | None:
    table = _read(run, "confusion_matrix")
    if table is None:
        return None
    table = table.drop(columns="label", errors="ignore")
    counts = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    sums = counts.sum(axis=1, keepdims=True)
    usable = counts.size and np.isfinite(counts).all() and (counts >= 0).all() and (sums > 0).all()
    return counts / sums if usable else None


def _read(run: Run, artifact: str) -> pd.DataFrame | None:
    path = artifact_path(run, artifact)
    if path is None or path.suffix.lower() != ".csv":
        return None
    try:
        if table_damage(path, run.record) is not None:
            return None  # the run's notes say so
        table = pd.read_csv(path)
    except (ValueError, OSError):
        return None
    usable = 0 < len(table) <= MAX_CLASSES and len(table.columns) <= MAX_CLASSES + 1
    return table if usable else None
