"""The record of a run: its schema, and how it is written and read.

The folder of a run holds

- ``record.json``: one JSON object, a ``RunRecord`` with a schema version and a checksum;
- ``history.csv``: a row per epoch of what configuration and seed determine;
- ``timing.csv``: a row per epoch of what depends on the machine's speed;
- ``metrics.jsonl``: both, a JSON object per epoch, for other programs;
- ``config.yaml``, ``samples/``, ``checkpoints/`` and ``loss_curve.png``;
- ``run.log``: what the run said on standard error, with times (``gan_zoo.training.run_log``);
- ``run.lock``: which process trains the run (``gan_zoo.runs.lock``).

Every file is written under a temporary name and renamed, so that a reader never sees half of one.
The record holds checksums of itself and of the tables beside it, so that damage is detected.
"""

import csv
import hashlib
import io
import json
import math
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from gan_zoo.runs import checksum

SCHEMA_VERSION = 3
CHECKSUM_SINCE = 2  # schema version
STATUSES = ("running", "finished", "diverged", "failed", "interrupted")
RECORD_NAME = "record.json"
HISTORY_NAME = "history.csv"
TIMING_NAME = "timing.csv"
METRICS_NAME = "metrics.jsonl"


class RecordError(ValueError):
    """Raised for a record that cannot be read; names the file and the reason."""


class DamagedRecord(RecordError):
    """Raised for a record that is not what was written."""


class AlreadyFinished(FileExistsError):
    """Raised when a folder holds a finished run, which is never overwritten."""


@dataclass(frozen=True)
class RunSpec:
    """What determines the numbers of a run, fixed at its start."""

    run_id: str  # hash of configuration and version
    loss: str  # the loss option, such as "wgan"
    seed: int
    overrides: list[str] = field(default_factory=list)  # command line but loss, seed and paths
    config: dict[str, Any] = field(default_factory=dict)  # resolved


@dataclass
class RunRecord:
    """What a run was, and its outcome; beside its history all that the report reads."""

    run_id: str  # hash of what determines the run's numbers
    loss: str  # the loss option, e.g. "wgan"
    seed: int
    status: str  # one of STATUSES
    overrides: list[str] = field(default_factory=list)  # command line but loss, seed and paths
    config: dict[str, Any] = field(default_factory=dict)  # resolved
    environment: dict[str, Any] = field(default_factory=dict)  # versions, machine, code
    dataset: dict[str, Any] = field(default_factory=dict)  # name, sizes, sha256
    parameters: dict[str, int] = field(default_factory=dict)  # generator, discriminator
    progress: dict[str, float] = field(default_factory=dict)  # updates, images, epochs, seconds
    metrics: dict[str, float | None] = field(default_factory=dict)  # final; None = not finite
    # metric -> what the same measurement gives for "real" data, "kernel_density", "class_means"
    reference_scores: dict[str, dict[str, float]] = field(default_factory=dict)
    # metric -> 95% interval over samples: sampling noise of this run, not of its seed
    intervals: dict[str, list[float]] = field(default_factory=dict)
    divergence_range: list[float | None] | None = None  # of an estimate; None inside: no bound
    best: dict[str, dict[str, Any]] = field(default_factory=dict)  # network -> epoch, metric, value
    # metric or picture -> why this run has none
    unavailable: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)  # combinations that defeat the method
    error: dict[str, Any] | None = None  # kind, message, step, quantity
    # of a diverged run: the epoch of its last finite state, which was measured
    measured_epoch: int | None = None
    rollbacks: list[dict[str, Any]] = field(default_factory=list)  # step, quantity, to which epoch
    collapses: list[dict[str, Any]] = field(default_factory=list)  # epoch, quantity, value
    resumed: list[dict[str, Any]] = field(default_factory=list)  # when, from where, on what
    artifacts: dict[str, str] = field(default_factory=dict)  # name -> path inside the run folder
    tables: dict[str, str] = field(default_factory=dict)  # CSV file beside it -> sha256
    started: str = ""  # ISO 8601, UTC
    ended: str = ""
    schema_version: int = SCHEMA_VERSION

    @property
    def headline(self) -> str:
        """Return the network of the main metrics: the averaged generator if there is one."""
        averaged = isinstance(self.artifacts, dict) and "generator_ema" in self.artifacts
        return "generator_ema" if averaged else "generator"

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise RecordError(f"status is {self.status!r}; allowed: {', '.join(STATUSES)}")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file completely or not at all: temporary file beside it, flush, rename."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritten(path, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's 0600 would lock out colleagues
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritten(path, error) from error
        raise


def refuse_existing(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Check that a command overwrites nothing unless asked to.

    Raises:
        ValueError: naming the first path that exists.
    """
    for path in paths:
        if path.exists() and not overwrite:
            raise ValueError(
                f"{path} already exists: choose another place with out=…, or overwrite=true"
            )


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text with ``write_bytes``."""
    write_bytes(path, content.encode())


def write_record(folder: Path, record: RunRecord) -> None:
    """Write ``record.json`` with checksums of itself and of the run's tables.

    Raises:
        ValueError: a number is not finite; the writer must have replaced it by None.
    """
    names = (HISTORY_NAME, TIMING_NAME, *(a for a in record.artifacts.values() if _is_table(a)))
    there = [name for name in names if (folder / name).exists()]
    record.tables = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in there
    }
    record.schema_version = SCHEMA_VERSION
    content = {checksum.KEY: checksum.BLANK, **asdict(record)}
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_bytes(folder / RECORD_NAME, checksum.with_checksum(text.encode()))


def read_record(folder: Path) -> RunRecord:
    """Return the record in a folder, of this or an older schema version.

    Raises:
        DamagedRecord: the file is not a JSON object, or does not match its checksum.
        RecordError: the file cannot be opened, lacks a key, or is of a newer schema.
    """
    path = folder / RECORD_NAME
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read as JSON: {error}") from error
    try:
        content = json.loads(raw)
    except ValueError as error:
        raise DamagedRecord(f"{path}: cannot be read as JSON: {error}") from error
    except RecursionError as error:
        raise DamagedRecord(f"{path}: is nested too deeply") from error
    if not isinstance(content, dict):
        raise DamagedRecord(f"{path}: holds {type(content).__name__}, expected a JSON object")
    version = content.get("schema_version")
    if checksum.has_checksum(raw):
        _check(path, raw)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise RecordError(
            f"{path}: schema version {version!r}; this gan_zoo reads up to"
            f" {SCHEMA_VERSION}: upgrade it"
        )
    if version >= CHECKSUM_SINCE:
        _check(path, raw)
    try:
        return parse_record(content)
    except (TypeError, RecordError) as error:
        raise RecordError(f"{path}: {error}") from error


def parse_record(content: Mapping[str, Any]) -> RunRecord:
    """Return a record from its content, without keys of other versions.

    Schema versions below 3 have ``floors`` for ``reference_scores``, here and in ``config``.

    Raises:
        TypeError: a key is missing.
        RecordError: the status is not one of ``STATUSES``.
    """
    content = _renamed(content)
    config = content.get("config")
    if isinstance(config, dict) and isinstance(config.get("evaluation"), dict):
        content["config"] = {**config, "evaluation": _renamed(config["evaluation"])}
    known = {f.name for f in fields(RunRecord)}
    return RunRecord(**{key: value for key, value in content.items() if key in known})


def _renamed(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"reference_scores" if key == "floors" else key: v for key, v in content.items()}


def table_damage(path: Path, record: RunRecord) -> str | None:
    """Return what is wrong with a CSV file of a run, None if nothing is known to be.

    While a run is in progress, its tables may be ahead of its record.
    """
    promised = record.tables.get(path.name) if isinstance(record.tables, dict) else None
    if promised is None or record.status == "running":
        return None
    if hashlib.sha256(path.read_bytes()).hexdigest() == promised:
        return None
    return f"{path.name} is damaged or was edited: its checksum is not the one in the record"


def artifact_path(folder: Path, record: RunRecord, name: str) -> Path:
    """Return the path of a file that a record names.

    Raises:
        RecordError: the record does not name such a file, or it lies outside the run's folder.
    """
    known = record.artifacts if isinstance(record.artifacts, dict) else {}
    relative = known.get(name)
    if not isinstance(relative, str) or "\0" in relative:
        raise RecordError(f"{folder} has no {name}; it has: {', '.join(sorted(map(str, known)))}")
    path = folder / relative
    if not path.resolve().is_relative_to(folder.resolve()):
        raise RecordError(f"{path} lies outside the run's folder")
    return path


def write_rows(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write a CSV with the keys of the first row as columns; floats keep all their digits."""
    rows = list(rows)
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_text(path, text.getvalue())


def write_lines(path: Path, rows: Iterable[Mapping[str, float]]) -> None:
    """Write a JSON object per row and line; a number that is not finite becomes null."""
    lines = [
        json.dumps({key: value if math.isfinite(value) else None for key, value in row.items()})
        for row in rows
    ]
    write_text(path, "".join(f"{line}\n" for line in lines))


def _check(path: Path, raw: bytes) -> None:
    try:
        checksum.check(raw)
    except checksum.ChecksumError as error:
        raise DamagedRecord(f"{path}: {error}") from error


def _unwritten(path: Path, error: OSError) -> OSError:
    """Return the same error, naming the file instead of its temporary name."""
    return OSError(error.errno, f"cannot write: {error.strerror}", str(path))


def _is_table(artifact: str) -> bool:
    return artifact.endswith(".csv") and "/" not in artifact


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
