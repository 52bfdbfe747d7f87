"""Find run folders and read them, whatever state they are in."""

import csv
import math
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from gan_zoo.report.sanitise import checked, clean, printable
from gan_zoo.runs.record import (
    HISTORY_NAME,
    RECORD_NAME,
    TIMING_NAME,
    RecordError,
    RunRecord,
    read_record,
    table_damage,
)

_Table = dict[str, np.ndarray]  # column -> a float64 for each epoch


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
    repeated: tuple[Run, ...] = ()  # further runs of one variant and seed, not counted


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
            unreadable.append(Unreadable(label, printable(reason)))
    names = tuple(dict.fromkeys(printable(root.resolve().name) for root in folders))
    counted, repeated = _without_repeats(_with_variants(runs))
    return Collection(names, tuple(counted), tuple(unreadable), tuple(repeated))


def natural_key(text: str) -> list[tuple[int, str]]:
    """A sort key by which run 2 comes before run 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _label(root: Path, folder: Path) -> str:
    relative = folder.relative_to(root).as_posix()
    name = root.resolve().name
    return printable(name if relative == "." else f"{name}/{relative}")


def _read_run(folder: Path, label: str) -> Run:
    record = checked(clean(read_record(folder)))
    damages = _damages(folder, record)
    history, notes = _read_table(folder / HISTORY_NAME, damages)
    timing, more = _read_table(folder / TIMING_NAME, damages)
    if history and timing:
        rows = {epoch: row for row, epoch in enumerate(timing["epoch"])}
        places = [rows.get(epoch, -1) for epoch in history["epoch"]]  # -1: the NaN at the end
        for name, column in timing.items():
            history.setdefault(name, np.append(column, math.nan)[places])
    told = map(printable, (*damages.values(), *notes, *more))
    return Run(folder, label, record, pd.DataFrame(history), tuple(told))


def _damages(folder: Path, record: RunRecord) -> dict[str, str]:
    """What is wrong with the tables whose checksums the record tells, by their names."""
    found = {name: _damage(folder / name, record) for name in record.tables}
    return {name: damage for name, damage in found.items() if damage is not None}


def _damage(path: Path, record: RunRecord) -> str | None:
    try:
        return table_damage(path, record) if path.resolve().parent == path.parent else None
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"


def _read_table(path: Path, damages: Container[str]) -> tuple[_Table, tuple[str, ...]]:
    """A CSV with a column ``epoch``, a row for each epoch (the last, if repeated), in their order.

    A cell that is no finite number is NaN, a row with too many cells is left out. Read without
    pandas, which takes twenty times as long for a table of a few epochs.
    """
    if not path.exists() or path.name in damages:
        return {}, ()
    try:
        with path.open(newline="", encoding="utf-8") as file:
            names, *rows = [row for row in csv.reader(file) if row] or [[]]
    except (ValueError, OSError, csv.Error) as error:
        return {}, (f"{path.name} cannot be read: {error}",)
    if not names:
        return {}, ()
    if "epoch" not in names:
        return {}, (f"{path.name} has no column epoch",)
    kept = [row for row in rows if len(row) <= len(names)]
    values = {
        name: np.array([_number(row[i]) if i < len(row) else math.nan for row in kept])
        for i, name in enumerate(names)
    }
    places = {epoch: i for i, epoch in enumerate(values["epoch"].tolist()) if epoch == epoch}
    order = [places[epoch] for epoch in sorted(places)]
    return {name: column[order] for name, column in values.items()}, ()


def _number(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _with_variants(runs: Sequence[Run]) -> list[Run]:
    names = variant_names([run.record for run in runs])
    return [replace(run, variant=name) for run, name in zip(runs, names, strict=True)]


def _without_repeats(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """One run for each variant and seed, and the others.

    A second run of the same seed is no independent observation. Of several, the one that came to an
    end (finished or diverged) counts, and of those the one that started last.
    """
    best: dict[tuple[str, int], Run] = {}
    for run in runs:
        key = (run.variant, run.record.seed)
        if key not in best or _precedence(run) > _precedence(best[key]):
            best[key] = run
    counted = {run.folder for run in best.values()}
    return (
        [run for run in runs if run.folder in counted],
        [run for run in runs if run.folder not in counted],
    )


def _precedence(run: Run) -> tuple[bool, str]:
    return run.record.status in ("finished", "diverged"), run.record.started


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
