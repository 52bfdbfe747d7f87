"""Per-class numbers and confusion matrices, where runs recorded them.

Two artifacts are known, both CSV: ``per_class`` (a column ``class`` and a column for each
quantity) and ``confusion_matrix`` (a row per label asked for, a column per class predicted, with
a header; counts or shares).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gan_zoo.report.comparison import Variant
from gan_zoo.report.load import Run
from gan_zoo.report.pictures import artifact_path
from gan_zoo.report.quantities import class_of
from gan_zoo.report.references import Reference
from gan_zoo.runs.record import table_damage

_MOST_CLASSES = 50


@dataclass(frozen=True)
class Confusion:
    """Shares of predicted classes for each label asked for, mean over the variant's seeds."""

    variant: Variant
    seeds: int
    shares: np.ndarray  # (labels, classes), rows sum to 1

    @property
    def labels(self) -> list[str]:
        """Names of rows and columns: the classes are numbered from 0."""
        return [str(label) for label in range(max(self.shares.shape))]


def per_class(variants: tuple[Variant, ...]) -> dict[str, dict[int, dict[str, float]]]:
    """Quantity -> variant -> class -> mean over finished seeds."""
    gathered: dict[str, dict[int, dict[str, list[float]]]] = {}
    for variant in variants:
        for run in variant.finished:
            for name, label, value in (*_from_metrics(run), *_from_table(run)):
                of_variant = gathered.setdefault(name, {}).setdefault(variant.index, {})
                of_variant.setdefault(label, []).append(value)
    return {
        name: {
            index: {label: sum(v) / len(v) for label, v in labels.items()}
            for index, labels in found.items()
        }
        for name, found in sorted(gathered.items())
    }


def of_real_data(references: dict[str, tuple[Reference, ...]]) -> dict[str, dict[str, float]]:
    """Quantity -> class -> what it gives for real data."""
    found: dict[str, dict[str, float]] = {}
    for metric, entries in references.items():
        split = class_of(metric)
        for entry in entries:
            if split is not None and entry.name == "real":
                found.setdefault(split[0], {})[split[1]] = entry.value
    return found


def confusions(variants: tuple[Variant, ...]) -> list[Confusion]:
    """Mean confusion matrix of every variant whose runs recorded one."""
    found = []
    for variant in variants:
        matrices = [m for run in variant.finished if (m := _matrix(run)) is not None]
        same = [matrix for matrix in matrices if matrix.shape == matrices[0].shape]
        if same:
            found.append(Confusion(variant, len(same), np.mean(same, axis=0)))
    return found


def _from_metrics(run: Run) -> list[tuple[str, str, float]]:
    found = []
    for name, value in run.record.metrics.items():
        split = class_of(name)
        if split is not None and value is not None:
            found.append((*split, value))
    return found


def _from_table(run: Run) -> list[tuple[str, str, float]]:
    table = _read(run, "per_class")
    if table is None or "class" not in table.columns:
        return []
    found = []
    for column in table.columns.drop("class"):
        values = pd.to_numeric(table[column], errors="coerce").tolist()
        pairs = zip(table["class"].tolist(), values, strict=True)
        found += [(str(column), str(label), v) for label, v in pairs if math.isfinite(v)]
    return found


def _matrix(run: Run) -> np.ndarray | None:
    table = _read(run, "confusion_matrix")
    if table is None:
        return None
    if "label" in table.columns:
        table = table.drop(columns="label")
    counts = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    if counts.size == 0 or not np.isfinite(counts).all() or (counts < 0).any():
        return None
    sums = counts.sum(axis=1, keepdims=True)
    return None if (sums == 0).any() else counts / sums


def _read(run: Run, artifact: str) -> pd.DataFrame | None:
    path = artifact_path(run, artifact)
    if path is None or path.suffix.lower() != ".csv":
        return None
    try:
        if table_damage(path, run.record) is not None:
            return None  # the run's notes tell
        table = pd.read_csv(path)
    except (ValueError, OSError):
        return None
    usable = 0 < len(table) <= _MOST_CLASSES and len(table.columns) <= _MOST_CLASSES + 1
    return table if usable else None
