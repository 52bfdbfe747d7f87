"""Find run folders and read them, whatever state they are in."""

import math
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from gan_zoo.runs.record import (
    HISTORY_NAME,
    RECORD_NAME,
    TIMING_NAME,
    RecordError,
    RunRecord,
    read_record,
    table_damage,
)

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_BLANK = RunRecord("", "", 0, "finished")
_KINDS: dict[str, Any] = {f.name: type(getattr(_BLANK, f.name)) for f in fields(RunRecord)}
_KINDS |= {"divergence_range": list | None, "error": dict | None, "measured_epoch": int | None}


class ReportError(ValueError):
    """Raised when no report can be made."""


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
    """All runs below the given folders, and those that are unreadable or repeated."""

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
            unreadable.append(Unreadable(label, _printable(reason)))
        except RecursionError:
            unreadable.append(Unreadable(label, f"{RECORD_NAME} is nested too deeply"))
    variants = variant_names([run.record for run in runs])
    runs = [replace(run, variant=name) for run, name in zip(runs, variants, strict=True)]
    best: dict[tuple[str, int], Run] = {}
    for run in sorted(runs, key=_precedence, reverse=True):
        best.setdefault((run.variant, run.record.seed), run)
    counted = {run.folder for run in best.values()}
    return Collection(
        tuple(dict.fromkeys(_printable(root.resolve().name) for root in folders)),
        tuple(run for run in runs if run.folder in counted),
        tuple(unreadable),
        tuple(run for run in runs if run.folder not in counted),
    )


def natural_key(text: str) -> list[tuple[int, str]]:
    """Return a sort key by which run 2 comes before run 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def variant_names(records: Iterable[RunRecord]) -> list[str]:
    """Return for each record its loss and those overrides that not all records share.

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


def _precedence(run: Run) -> tuple[bool, str]:
    """Return a key by which the greatest of several runs of one variant and seed counts.

    A second run of the same seed is not an independent observation. One that finished or diverged
    goes before one that did not; among those the one that started last counts.
    """
    return run.record.status in ("finished", "diverged"), run.record.started


def _label(root: Path, folder: Path) -> str:
    relative = folder.relative_to(root).as_posix()
    name = root.resolve().name
    return _printable(name if relative == "." else f"{name}/{relative}")


def _read_run(folder: Path, label: str) -> Run:
    record = _checked(read_record(folder))
    notes = {name: note for name in record.tables if (note := _damage(folder / name, record))}
    tables = []
    for name in (HISTORY_NAME, TIMING_NAME):
        table, note = (None, "") if name in notes else _read_table(folder / name)
        tables.append(pd.DataFrame() if table is None else table)
        if note:
            notes[name] = note
    history, timing = tables
    if not history.empty and not timing.empty:
        new = [name for name in timing.columns if name not in history.columns]
        history = history.merge(timing[["epoch", *new]], on="epoch", how="left")
    return Run(folder, label, record, history, tuple(map(_printable, notes.values())))


def _damage(path: Path, record: RunRecord) -> str | None:
    try:
        return table_damage(path, record) if path.resolve().parent == path.parent else None
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"


def _read_table(path: Path) -> tuple[pd.DataFrame | None, str]:
    """Read a CSV with a row per epoch; return it in the order of epochs, and what went wrong.

    A cell that is not a finite number becomes NaN; of rows of the same epoch the last counts.
    """
    if not path.exists():
        return None, ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # cells beyond the header
            table = pd.read_csv(path, index_col=False, on_bad_lines="skip", dtype=str)
    except pd.errors.EmptyDataError:
        return None, ""
    except (ValueError, OSError, pd.errors.ParserWarning) as error:
        return None, f"{path.name} cannot be read: {error}"
    if "epoch" not in table.columns:
        return None, f"{path.name} has no column epoch"
    numbers = table.map(_number).astype("float64").dropna(subset="epoch")
    unique = numbers.drop_duplicates("epoch", keep="last").sort_values("epoch")
    return unique.reset_index(drop=True), ""


def _number(cell: str) -> float:
    """Return a cell as a float, exactly as it was written; NaN unless it is a finite number."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _checked(record: RunRecord) -> RunRecord:
    """Return a record whose fields have their types, with finite numbers and printable text.

    Raises:
        RecordError: a field is of another type, which a damaged or edited file can make it.
    """
    values = {name: _clean(getattr(record, name)) for name in _KINDS}
    for name, kind in _KINDS.items():
        value = values[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            expected = kind.__name__ if isinstance(kind, type) else str(kind)
            raise RecordError(f"{name} holds {type(value).__name__}, expected {expected}")
    for name in ("overrides", "warnings"):
        values[name] = [str(entry) for entry in values[name]]
    for name in ("parameters", "progress"):
        values[name] = _numbers(values[name])
    for name in ("artifacts", "tables", "unavailable"):
        values[name] = {k: v for k, v in values[name].items() if isinstance(v, str)}
    values["metrics"] = {name: finite(value) for name, value in values["metrics"].items()}
    values["reference_scores"] = {
        name: numbers
        for name, entry in values["reference_scores"].items()
        if isinstance(entry, dict) and (numbers := _numbers(entry))
    }
    values["intervals"] = {
        name: ends
        for name, entry in values["intervals"].items()
        if (ends := _ends(entry)) and None not in ends
    }
    values["divergence_range"] = _ends(values["divergence_range"])
    return RunRecord(**values)


def finite(value: Any) -> float | None:
    """Return the value as a finite float; None for NaN, infinities, text and booleans."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _numbers(values: dict[str, Any]) -> dict[str, Any]:
    pairs = ((key, finite(value)) for key, value in values.items())
    return {key: value for key, value in pairs if value is not None}


def _ends(values: Any) -> list[float | None] | None:
    """Return two ends in ascending order, None for one without a bound; None for anything else."""
    if not isinstance(values, list) or len(values) != 2:
        return None
    ends = [finite(end) for end in values]
    known = [end for end in ends if end is not None]
    return ends if ends.count(None) == values.count(None) and known == sorted(known) else None


def _printable(text: str) -> str:
    """Replace characters that a page or file cannot hold: control characters, half surrogates."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _printable(value)
    if isinstance(value, dict):
        return {_clean(key): _clean(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_clean(entry) for entry in value]
    return value
