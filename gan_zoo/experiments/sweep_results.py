"""The finished runs of a sweep, what their networks learned, and tables of them."""

from pathlib import Path

from torch import Tensor

from gan_zoo.runs.record import RECORD_NAME, RunRecord, artifact_path, read_record
from gan_zoo.runs.weights import read_weights


def all_runs(folder: Path) -> list[tuple[Path, RunRecord]]:
    """Return the folders and records of all runs below ``folder``, in order of their start."""
    paths = [path.parent for path in folder.glob(f"**/{RECORD_NAME}")]
    return sorted(((path, read_record(path)) for path in paths), key=lambda run: run[1].started)


def finished_runs(folder: Path, prefix: str = "") -> list[tuple[Path, RunRecord]]:
    """Return ``all_runs`` that finished and whose loss begins with ``prefix``.

    Raises:
        ValueError: there are none.
    """
    found = [(path, record) for path, record in all_runs(folder)
             if record.status == "finished" and record.loss.startswith(prefix)]  # fmt: skip
    if not found:
        raise ValueError(f"{folder} has no finished run of loss={prefix}*: see its report")
    return found


def weights(folder: Path, record: RunRecord, network: str) -> dict[str, Tensor]:
    """Return the last weights of ``generator`` or ``discriminator``."""
    return read_weights(artifact_path(folder, record, network))
