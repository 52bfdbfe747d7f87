"""The finished runs of a sweep and what their networks learned."""

from pathlib import Path

from torch import Tensor

from gan_zoo.runs.record import RECORD_NAME, RunRecord, artifact_path, read_record
from gan_zoo.runs.weights import read_weights


def finished_runs(folder: Path, prefix: str = "") -> list[tuple[Path, RunRecord]]:
    """Folders and records of the finished runs whose loss begins with ``prefix``, in their order.

    Raises:
        ValueError: there is none.
    """
    paths = [path.parent for path in folder.glob(f"**/{RECORD_NAME}")]
    records = sorted(((path, read_record(path)) for path in paths), key=lambda run: run[1].started)
    found = [(path, record) for path, record in records
             if record.status == "finished" and record.loss.startswith(prefix)]  # fmt: skip
    if not found:
        raise ValueError(f"{folder} holds no finished run of loss={prefix}*: see its report")
    return found


def weights(folder: Path, record: RunRecord, network: str) -> dict[str, Tensor]:
    """The last weights of ``generator`` or ``discriminator``."""
    return read_weights(artifact_path(folder, record, network))
