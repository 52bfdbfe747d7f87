"""Find run folders and read them, whatever state they are in."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from gan_zoo.records import (
    HISTORY_NAME,
    RECORD_NAME,
    TIMING_NAME,
    RecordError,
    RunRecord,
    read_record,
)


class ReportError(ValueError):
    """No report can be made: why, and what to do."""


@dataclass(frozen=True)
class Run:
    """A run whose record could be read."""

    folder: Path
    label: str  # the folder relative to the one given, for display
    record: RunRecord
    history: pd.DataFrame  # a row per epoch, float64; empty if there is none
    notes: tuple[str, ...] = ()  # what could not be read beside the record
    variant: str = ""


@dataclass(frozen=True)
class Unreadable:
    """A run folder whose record could not be read."""

    label: str
    reason: str


@dataclass(frozen=True)
class Collection:
    """All runs below the given folders, and those that could not be read or count twice."""

    names: tuple[str, ...]  # of the folders given
    runs: tuple[Run, ...]
    unreadable: tuple[Unreadable, ...]
    repeated: tuple[Run, ...] = ()  # further runs of one variant and seed


def load(folders: Sequence[Path]) -> Collection:
    """Read every run below the given folders.

    Raises:
        ReportError: a folder does not exist, or no run is found below any of them.
    """
    found: dict[Path, str] = {}
    for root in folders:
        if not root.is_dir():
            raise ReportError(f"{root}: no such folder; give the folder of a sweep or of a run")
        for path in sorted(root.rglob(RECORD_NAME), key=lambda p: natural_key(str(p))):
            found.setdefault(path.parent.resolve(), _label(root, path.parent))
    if not found:
        raise ReportError(
            f"no {RECORD_NAME} below {', '.join(map(str, folders))}: is it the folder of a sweep, "
            "and has a run started?"
        )
    runs, unreadable = [], []
    for folder, label in found.items():
        try:
            runs.append(_read_run(folder, label))
        except RecordError as error:
            reason = str(error).replace(f"{folder}/", "").replace(str(folder), label)
            unreadable.append(Unreadable(label, reason))
    names = tuple(dict.fromkeys(root.resolve().name for root in folders))
    return Collection(names, tuple(_with_variants(runs)), tuple(unreadable))


def natural_key(text: str) -> list[tuple[int, str]]:
    """A sort key by which run 2 comes before run 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _label(root: Path, folder: Path) -> str:
    relative = folder.relative_to(root).as_posix()
    name = root.resolve().name
    return name if relative == "." else f"{name}/{relative}"


def _read_run(folder: Path, label: str) -> Run:
    record = _checked(read_record(folder))
    history, notes = _read_table(folder / HISTORY_NAME)
    timing, more = _read_table(folder / TIMING_NAME)
    if not history.empty and not timing.empty:
        new = [name for name in timing.columns if name == "epoch" or name not in history.columns]
        history = history.merge(timing[new], on="epoch", how="left")
    return Run(folder, label, record, history, (*notes, *more))


def _checked(record: RunRecord) -> RunRecord:
    """Bring a readable record's fields to their types; a damaged file may hold anything."""
    for name in ("config", "environment", "dataset", "parameters", "progress", "metrics"):
        value = getattr(record, name)
        if not isinstance(value, dict):
            raise RecordError(f"{name} holds {type(value).__name__}, expected an object")
    if not isinstance(record.overrides, list):
        raise RecordError(f"overrides holds {type(record.overrides).__name__}, expected a list")
    if isinstance(record.seed, bool) or not isinstance(record.seed, int):
        raise RecordError(f"seed is {record.seed!r}, expected a whole number")
    return replace(
        record,
        loss=str(record.loss),
        overrides=[str(entry) for entry in record.overrides],
        parameters=_finite(record.parameters),
        progress=_finite(record.progress),
        metrics={str(key): finite(value) for key, value in record.metrics.items()},
        error=record.error if isinstance(record.error, dict) else None,
        artifacts=_strings(record.artifacts),
        started=str(record.started),
        ended=str(record.ended),
    )


def finite(value: Any) -> float | None:
    """The value as a finite float; None for anything else (NaN, infinities, text, booleans)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    pairs = ((str(key), finite(value)) for key, value in values.items())
    return {key: value for key, value in pairs if value is not None}


def _strings(values: Any) -> dict[str, str]:
    if not isinstance(values, dict):
        return {}
    return {str(key): value for key, value in values.items() if isinstance(value, str)}


def _read_table(path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """A CSV with a column ``epoch`` as floats, one row per epoch (the last, if repeated)."""
    empty = pd.DataFrame()
    if not path.exists():
        return empty, ()
    try:
        table = pd.read_csv(path, on_bad_lines="skip", index_col=False)
    except pd.errors.EmptyDataError:
        return empty, ()
    except (ValueError, OSError) as error:
        return empty, (f"{path.name} cannot be read: {error}",)
    if "epoch" not in table.columns:
        return empty, (f"{path.name} has no column epoch",)
    numbers = table.apply(pd.to_numeric, errors="coerce").astype("float64")
    numbers = numbers.replace([math.inf, -math.inf], math.nan).dropna(subset=["epoch"])
    numbers = numbers.drop_duplicates("epoch", keep="last").sort_values("epoch")
    return numbers.reset_index(drop=True), ()


def _with_variants(runs: Sequence[Run]) -> list[Run]:
    names = variant_names([run.record for run in runs])
    return [replace(run, variant=name) for run, name in zip(runs, names, strict=True)]


def variant_names(records: Iterable[RunRecord]) -> list[str]:
    """The loss and those overrides that not all runs share, for each record.

    >>> def record(loss, *overrides):
    ...     return RunRecord("", loss, 0, "finished", list(overrides))
    >>> variant_names([record("bce", "a=1"), record("wgan", "a=1", "b=2")])
    ['bce', 'wgan b=2']
    """
    records = list(records)
    shared = set.intersection(*(set(record.overrides) for record in records)) if records else set()
    return [
        " ".join([record.loss, *(entry for entry in record.overrides if entry not in shared)])
        for record in records
    ]
