"""What a run leaves behind: record, history, timing; standard library only.

A run folder holds

- ``record.json``: one JSON object, ``RunRecord`` below; schema-versioned;
- ``history.csv``: a row per epoch of everything that configuration and seed determine;
- ``timing.csv``: a row per epoch of what depends on the machine's speed;
- ``config.yaml``, ``samples/``, ``checkpoints/`` and ``loss_curve.png``.

Every file is written to a temporary name and renamed, so a reader never sees half of one. The
record carries a checksum of itself and of the tables beside it, so a reader never takes a number
that the disk has changed for one that was measured.
"""

import csv
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 2  # since 2, a record has a checksum
STATUSES = ("running", "finished", "diverged", "failed", "interrupted")
RECORD_NAME = "record.json"
HISTORY_NAME = "history.csv"
TIMING_NAME = "timing.csv"
CHECKSUM = "sha256"  # the key of a JSON file's checksum of everything else in it


class RecordError(ValueError):
    """A record that cannot be read: which file, what is wrong with it."""


class AlreadyFinished(FileExistsError):
    """The folder holds a finished run, which is never overwritten."""


@dataclass
class RunRecord:
    """Everything the report needs to know of a run, beside its history."""

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
    floors: dict[str, dict[str, float]] = field(default_factory=dict)
    # metric -> 95% interval over samples: sampling noise of this run, not of its seed
    intervals: dict[str, list[float]] = field(default_factory=dict)
    divergence_range: list[float | None] | None = None  # of an estimate; None inside: no bound
    best: dict[str, dict[str, Any]] = field(default_factory=dict)  # network -> epoch, metric, value
    warnings: list[str] = field(default_factory=list)  # combinations that defeat the method
    error: dict[str, Any] | None = None  # kind, message, step, quantity
    artifacts: dict[str, str] = field(default_factory=dict)  # name -> path inside the run folder
    tables: dict[str, str] = field(default_factory=dict)  # CSV file beside it -> sha256
    started: str = ""  # ISO 8601, UTC
    ended: str = ""
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise RecordError(f"status is {self.status!r}; allowed: {', '.join(STATUSES)}")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all: temporary file beside it, flush, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's 0600 would lock out colleagues
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text(path: Path, content: str) -> None:
    """``write_bytes`` of UTF-8 text."""
    write_bytes(path, content.encode())


def write_record(folder: Path, record: RunRecord) -> None:
    """Write ``record.json``; non-finite numbers must have been turned into None by the writer.

    Added are the checksums of the run's tables as they are now, and of the record itself.
    """
    names = (HISTORY_NAME, TIMING_NAME, *(a for a in record.artifacts.values() if _is_table(a)))
    tables = {n: _sha256((folder / n).read_bytes()) for n in names if (folder / n).exists()}
    content = asdict(replace(record, tables=tables, schema_version=SCHEMA_VERSION))
    content[CHECKSUM] = content_sha256(content)
    write_text(folder / RECORD_NAME, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_record(folder: Path) -> RunRecord:
    """Read ``record.json`` of this or an older schema version.

    Raises:
        RecordError: the file is missing, is no JSON object, lacks a key, is of a newer schema, or
            is not what was written: its checksum is another, or missing since version 2.
    """
    path = folder / RECORD_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise RecordError(f"{path}: holds {type(content).__name__}, expected a JSON object")
        promised = content.pop(CHECKSUM, None)
        found = content_sha256(content)
    except RecordError:
        raise
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: cannot be read as JSON: {error}") from error
    except RecursionError as error:
        raise RecordError(f"{path}: is nested too deeply") from error
    version = content.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise RecordError(
            f"{path}: schema version {version!r}; this gan_zoo reads up to"
            f" {SCHEMA_VERSION}: upgrade it"
        )
    if promised != found and (version > 1 or promised is not None):
        raise RecordError(
            f"{path}: is damaged or was edited: its checksum is not that of its content"
        )
    known = {f.name for f in fields(RunRecord)}
    try:
        return RunRecord(**{key: value for key, value in content.items() if key in known})
    except TypeError as error:
        raise RecordError(f"{path}: {error}") from error


def content_sha256(content: Mapping[str, Any]) -> str:
    """The sha256 of what JSON says, whatever the order of keys and the spaces in the file."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return _sha256(text.encode("utf-8", "surrogatepass"))


def table_damage(path: Path, record: RunRecord) -> str | None:
    """What is wrong with a CSV file of a run that came to an end; None: nothing, as far as told.

    While a run goes on, its tables are ahead of its record.
    """
    promised = record.tables.get(path.name) if isinstance(record.tables, dict) else None
    if promised is None or record.status == "running":
        return None
    if _sha256(path.read_bytes()) == promised:
        return None
    return f"{path.name} is damaged or was edited: its checksum is not the one in the record"


def artifact_path(folder: Path, record: RunRecord, name: str) -> Path:
    """The file that a record names, inside the run's folder.

    Raises:
        RecordError: the record names no such file, or one outside its folder.
    """
    known = record.artifacts if isinstance(record.artifacts, dict) else {}
    relative = known.get(name)
    if not isinstance(relative, str) or "\0" in relative:
        raise RecordError(f"{folder} has no {name}; it has: {', '.join(sorted(map(str, known)))}")
    path = folder / relative
    if not path.resolve().is_relative_to(folder.resolve()):
        raise RecordError(f"{path} lies outside the run's folder")
    return path


def refuse_finished(folder: Path) -> None:
    """Raise ``AlreadyFinished`` if the folder holds a run that came to its end."""
    if (folder / RECORD_NAME).exists():
        status = read_record(folder).status
        if status in ("finished", "diverged"):
            raise AlreadyFinished(
                f"{folder} holds a {status} run, which is never overwritten: choose another folder"
                " (hydra.run.dir=… or hydra.sweep.dir=…) or move that one away"
            )


def write_rows(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write a CSV whose columns are the keys of the first row; floats keep all their digits."""
    rows = list(rows)
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_text(path, text.getvalue())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_table(artifact: str) -> bool:
    return artifact.endswith(".csv") and "/" not in artifact


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
