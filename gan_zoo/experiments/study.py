"""The study's data: ``python -m gan_zoo.experiments.study SWEEP [SWEEP ...] [out=FOLDER]``.

Reads the runs below folders of sweeps, finished or not, and adds them to compressed tables; a run
that is there already is replaced only by one that came to its end later. The folder is
docs/study/data unless given; docs/study/README.md describes the tables. Needs neither torch nor
the run folders to read them again: ``read``.
"""

import hashlib
import io
import json
import lzma
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from gan_zoo.report.comparison import references
from gan_zoo.report.load import Collection, ReportError, Run, load
from gan_zoo.runs.record import RunRecord, artifact_path, write_bytes

FOLDER = Path("docs/study/data")
TABLES = ("runs", "history", "classes", "configurations", "references")
SUMS = "SHA256SUMS"
GRIDS = "grids"
KEY = ["stage", "run_id"]
ENDED = ("finished", "diverged", "failed")  # statuses of runs that are taken
WITH_GRIDS = ("mnist", "fashion", "winners")  # stages of which there is a picture of each variant
DIGITS = "%.8g"  # of the history and of classes; the numbers of runs keep all
_STAGE = re.compile(r"\+?experiment=study_(\w+)")
_FACTS = (
    "gan_zoo", "commit", "python", "torch", "numpy", "platform", "cpu", "cores", "threads",
    "device", "device_name", "precision", "memory_format",
)  # fmt: skip
_PROGRESS = (
    "epoch", "epochs", "generator_updates", "discriminator_updates", "images_seen", "seconds",
)  # fmt: skip
_LEADING = [
    "stage", "run_id", "loss", "setting", "seed", "status", "error", "measured_epoch", "collapses",
    "rollbacks", "started", "ended", *_FACTS, "extractor", "extractor_sha256", "dataset",
    "dataset_sha256", "train", "generator_parameters", "discriminator_parameters", *_PROGRESS,
    "best_epoch", "best_metric", "best_value", "divergence_low", "divergence_high",
]  # fmt: skip


_TEXTS = [
    "stage", "run_id", "loss", "setting", "status", "error", "started", "ended", "extractor",
    "extractor_sha256", "dataset", "dataset_sha256", "best_metric", "key", "json", "metric",
    "reference", *(name for name in _FACTS if name not in ("cores", "threads")),
]  # fmt: skip
_WHOLE = ["seed", "collapses", "rollbacks"]


class DamagedData(ValueError):
    """The tables are not those whose checksums lie beside them."""


@dataclass(frozen=True)
class Data:
    """The tables of the study; all but ``references`` are keyed by stage and run_id."""

    runs: pd.DataFrame  # a row for each run that came to an end; metrics under their names
    history: pd.DataFrame  # a row for each measurement during training
    classes: pd.DataFrame  # a row for each run and class
    configurations: pd.DataFrame  # a row for each run and key of its resolved configuration
    references: pd.DataFrame  # stage, metric, reference, value: real images and weak samplers
    grids: Mapping[str, bytes]  # PNG of samples, by "<stage>/<loss>[ <setting>].png"


def stage_of(record: RunRecord) -> str | None:
    """Return the stage of the study that a run belongs to; None for any other run.

    >>> stage_of(RunRecord("", "bce", 0, "finished", ["+experiment=study_mnist", "a=1"]))
    'mnist'
    """
    found = filter(None, (_STAGE.fullmatch(word) for word in record.overrides))
    return next((match[1] for match in found), None)


def setting_of(record: RunRecord) -> str:
    """Return the overrides of a run, without its experiment, as on a command line."""
    words = (word for word in record.overrides if not word.lstrip("+").startswith("experiment="))
    return " ".join(words)


def tabulate(runs: Iterable[Run]) -> Data:
    """Return the tables of the runs that belong to a stage and came to an end."""
    taken = {
        (stage, run.record.run_id): run
        for run in sorted(runs, key=lambda run: run.record.started)
        if (stage := stage_of(run.record)) is not None and run.record.status in ENDED
    }
    return Data(
        runs=_typed(_table([_row(s, run.record) for (s, _), run in taken.items()], _LEADING)),
        history=_stacked(((key, _measured(run.history)) for key, run in taken.items()), ["epoch"]),
        classes=_stacked(((key, _classes(run)) for key, run in taken.items()), ["class"]),
        configurations=_table(
            [
                {"stage": stage, "run_id": run_id, "key": key, "json": value}
                for (stage, run_id), run in taken.items()
                for key, value in _flat(run.record.config)
            ],
            [*KEY, "key", "json"],
        ),
        references=_references(taken),
        grids=_grids(taken),
    )


def merge(old: Data, new: Data) -> Data:
    """Return the runs of both; of a run that both have, the one that came to its end, then later.

    References are those of ``new`` where both have them.
    """
    order = {"finished": 1, "diverged": 1, "failed": 0}
    both = pd.concat([old.runs.assign(_new=0), new.runs.assign(_new=1)], ignore_index=True)
    both["_ended"] = both["status"].map(order)
    both = both.sort_values(["_ended", "started", "_new"], kind="stable")
    kept = both.drop_duplicates(KEY, keep="last")
    sources = {0: kept.loc[kept["_new"] == 0, KEY], 1: kept.loc[kept["_new"] == 1, KEY]}

    def joined(name: str) -> pd.DataFrame:
        parts = [
            getattr(each, name).merge(sources[number], on=KEY)
            for number, each in enumerate((old, new))
        ]
        return _joined(parts)

    cells = ["stage", "metric", "reference"]
    floors = _joined([old.references, new.references]).drop_duplicates(cells, keep="last")
    return Data(
        runs=_sorted(kept.drop(columns=["_new", "_ended"]), ["loss", "setting", "seed"]),
        history=_sorted(joined("history"), ["run_id", "epoch"]),
        classes=_sorted(joined("classes"), ["run_id", "class"]),
        configurations=_sorted(joined("configurations"), ["run_id", "key"]),
        references=_sorted(floors, ["metric", "reference"]),
        grids={**new.grids, **old.grids},  # the picture of a variant stays
    )


def write(data: Data, folder: Path) -> None:
    """Write the tables and grids, and their checksums; the same data give the same bytes."""
    files = {f"{name}.csv.xz": _compressed(name, getattr(data, name)) for name in TABLES}
    files |= {f"{GRIDS}/{name}": content for name, content in sorted(data.grids.items())}
    for name, content in files.items():
        write_bytes(folder / name, content)
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()]
    write_bytes(folder / SUMS, "".join(sums).encode())


def read(folder: Path = FOLDER) -> Data:
    """Return the tables that ``write`` has written; empty ones if there are none.

    Raises:
        DamagedData: a file is missing, or is not the one that was written.
    """
    if not (folder / SUMS).exists():
        return tabulate([])
    content = {}
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        path = folder / name
        if not path.is_file():
            raise DamagedData(f"{path} is missing; {SUMS} names it: restore it from the repository")
        content[name] = path.read_bytes()
        if hashlib.sha256(content[name]).hexdigest() != digest:
            raise DamagedData(f"{path} does not fit its checksum in {SUMS}: restore or write again")
    tables = {name: _parsed(content[f"{name}.csv.xz"]) for name in TABLES}
    grids = {
        name.removeprefix(f"{GRIDS}/"): data
        for name, data in content.items()
        if name.startswith(f"{GRIDS}/")
    }
    return Data(**tables, grids=grids)


def _parsed(compressed: bytes) -> pd.DataFrame:
    """Return a table with strings, integers, and floats as written, to the last bit."""
    text = io.BytesIO(lzma.decompress(compressed))
    return _typed(pd.read_csv(text, dtype=str, keep_default_na=False).replace("", "nan"))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the same table with strings, integers and floats in their columns."""
    columns: dict[str, pd.Series] = {}
    for name in map(str, table.columns):
        cells = table[name]
        if name in _TEXTS:
            columns[name] = cells.astype(str).replace("nan", "")
        else:
            columns[name] = cells.astype(np.int64 if name in _WHOLE else np.float64)
    return pd.DataFrame(columns)


def collection(data: Data, stage: str) -> Collection:
    """Return the runs of a stage as the report's functions take them."""
    rows = data.runs[data.runs["stage"] == stage]
    histories = dict(iter(data.history[data.history["stage"] == stage].groupby("run_id")))
    floors: dict[str, dict[str, float]] = {}
    cells = data.references[data.references["stage"] == stage]
    for metric, name, value in zip(
        cells["metric"], cells["reference"], cells["value"], strict=True
    ):
        floors.setdefault(metric, {})[name] = float(value)
    metrics = [name for name in data.runs.columns if name not in _LEADING]
    runs = [
        _run(dict(row), metrics, histories.get(row["run_id"]), floors)
        for row in rows.to_dict("records")
    ]
    return Collection((f"study_{stage}",), tuple(runs), ())


def _run(
    row: Mapping[Any, Any], metrics: Sequence[str], history: pd.DataFrame | None, floors: Any
) -> Run:
    known = {name: float(row[name]) for name in metrics if not math.isnan(row[name])}
    ends = [row["divergence_low"], row["divergence_high"]]
    record = RunRecord(
        run_id=row["run_id"],
        loss=row["loss"],
        seed=int(row["seed"]),
        status=row["status"],
        overrides=row["setting"].split(),
        environment={name: row[name] for name in _FACTS},
        progress={k: float(row[k]) for k in _PROGRESS if not math.isnan(row[k])},
        metrics={name: v if math.isfinite(v) else None for name, v in known.items()},
        reference_scores=floors,
        divergence_range=None
        if all(math.isnan(end) for end in ends)
        else [end if math.isfinite(end) else None for end in ends],
        started=row["started"],
        ended=row["ended"],
    )
    table = (
        pd.DataFrame() if history is None else history.drop(columns=KEY).dropna(axis=1, how="all")
    )
    name = " ".join(filter(None, [row["loss"], row["setting"]]))
    return Run(Path(row["stage"]) / row["run_id"], row["run_id"], record, table, variant=name)


def _row(stage: str, record: RunRecord) -> dict[str, Any]:
    environment, error = record.environment, record.error or {}
    extractor = environment.get("extractor") or {}
    best = record.best.get(record.headline) or {}
    ends = record.divergence_range
    return {
        "stage": stage,
        "run_id": record.run_id,
        "loss": record.loss,
        "setting": setting_of(record),
        "seed": record.seed,
        "status": record.status,
        "error": " ".join(str(error.get("message", "")).split())[:300],
        "measured_epoch": record.measured_epoch,
        "collapses": len(record.collapses),
        "rollbacks": len(record.rollbacks),
        "started": record.started,
        "ended": record.ended,
        **{name: environment.get(name) for name in ("cores", "threads")},
        **{name: str(environment.get(name) or "") for name in _FACTS if name in _TEXTS},
        "extractor": str(extractor.get("name") or ""),
        "extractor_sha256": str(extractor.get("sha256") or ""),
        "dataset": str(record.dataset.get("name") or ""),
        "dataset_sha256": str(record.dataset.get("sha256") or ""),
        "train": record.dataset.get("train"),
        **{f"{name}_parameters": record.parameters.get(name)
           for name in ("generator", "discriminator")},
        **{name: record.progress.get(name) for name in _PROGRESS},
        **{f"best_{name}": best.get(name) for name in ("epoch", "value")},
        "best_metric": str(best.get("metric") or ""),
        "divergence_low": None if ends is None else -math.inf if ends[0] is None else ends[0],
        "divergence_high": None if ends is None else math.inf if ends[1] is None else ends[1],
        **{name: math.inf if v is None else v for name, v in record.metrics.items()},
    }  # fmt: skip


def _flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys and their values as JSON; without what differs between the seeds of a variant."""
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        elif prefix or key not in ("seed", "device", "after_sweep"):
            yield prefix + key, json.dumps(value)


def _measured(history: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a measurement on validation, if there are any; else all."""
    columns = [name for name in history.columns if "_validation" in str(name)]
    rows = history[columns].notna().any(axis=1) if columns else pd.Series(dtype=bool)
    return history[rows] if rows.any() else history


def _classes(run: Run) -> pd.DataFrame:
    if "per_class" not in run.record.artifacts:
        return pd.DataFrame()
    path = artifact_path(run.folder, run.record, "per_class")
    return pd.read_csv(path) if path.is_file() else pd.DataFrame()


def _references(taken: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    by_stage: dict[str, list[Run]] = {}
    for (stage, _), run in taken.items():
        by_stage.setdefault(stage, []).append(run)
    rows = [
        {"stage": stage, "metric": metric, "reference": entry.name, "value": entry.value}
        for stage, runs in by_stage.items()
        for metric, entries in references(runs).items()
        for entry in entries
    ]
    return _table(rows, ["stage", "metric", "reference", "value"])


def _grids(taken: Mapping[tuple[str, str], Run]) -> dict[str, bytes]:
    """Return the last sample grid of each variant's first seed, in grey if it is grey."""
    found: dict[str, bytes] = {}
    for (stage, _), run in sorted(taken.items(), key=lambda item: item[1].record.seed):
        name = f"{stage}/{' '.join(filter(None, [run.record.loss, setting_of(run.record)]))}.png"
        if stage not in WITH_GRIDS or name in found or "grid" not in run.record.artifacts:
            continue
        path = artifact_path(run.folder, run.record, "grid")
        if path.is_file():
            out = io.BytesIO()
            with Image.open(path) as picture:
                picture.save(out, "PNG", optimize=True)
            found[name] = out.getvalue()
    return found


def _stacked(
    parts: Iterable[tuple[tuple[str, str], pd.DataFrame]], index: list[str]
) -> pd.DataFrame:
    """Return the tables below each other, each after the stage and the run it is of."""
    tables = [_table([], [*KEY, *index])]
    for (stage, run_id), part in parts:
        table = part.reset_index(drop=True)
        table.insert(0, "run_id", run_id)
        table.insert(0, "stage", stage)
        tables.append(table)
    return _typed(_joined(tables))


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables below each other; columns in the order of their first appearance."""
    filled = [part for part in parts if not part.empty]
    if not filled:
        return parts[0]
    columns = list(dict.fromkeys(name for part in filled for name in part.columns))
    rows = [row for part in filled for row in part.to_dict("records")]
    return pd.DataFrame(rows, columns=columns)


def _sorted(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    return table.sort_values(["stage", *by], kind="stable", ignore_index=True)


def _table(rows: Sequence[Mapping[str, Any]], leading: Sequence[str]) -> pd.DataFrame:
    """Rows as a table; columns that they share first, the others as they appear."""
    columns = list(dict.fromkeys([*leading, *(name for row in rows for name in row)]))
    return pd.DataFrame(list(rows), columns=columns)


def _compressed(name: str, table: pd.DataFrame) -> bytes:
    rounded = DIGITS if name in ("history", "classes") else None
    text = table.to_csv(index=False, lineterminator="\n", float_format=rounded)
    return lzma.compress(text.encode(), preset=9)


def main(arguments: Sequence[str] | None = None) -> None:
    """Add the runs below the folders to the data; a mistake ends the process with a message."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if not words or {"-h", "--help"} & set(words):
        print(__doc__)
        return
    out = Path(next((w.removeprefix("out=") for w in words if w.startswith("out=")), FOLDER))
    sweeps = [Path(word) for word in words if not word.startswith("out=")]
    try:
        found = load(sweeps)
        new = tabulate([*found.runs, *found.repeated])
        data = merge(read(out), new)
    except (ReportError, DamagedData) as error:
        sys.exit(f"gan_zoo: {error}")
    for unread in found.unreadable:
        print(f"gan_zoo: passed over: {unread.label}: {unread.reason}", file=sys.stderr)
    write(data, out)
    print(f"gan_zoo: {len(new.runs)} runs read, {len(data.runs)} in {out}:")
    for stage, count in data.runs["stage"].value_counts(sort=False).items():
        print(f"gan_zoo:   {stage}: {count}")


if __name__ == "__main__":
    main()
