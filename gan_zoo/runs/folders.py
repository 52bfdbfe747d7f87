"""Where runs and sweeps go: what ``resume`` and ``sweep_name`` say, checked before any work."""

import re
from pathlib import Path

from gan_zoo.runs.record import RECORD_NAME
from gan_zoo.runs.resume import CHOICES

SWEEPS = "multirun"
_NAME = re.compile(r"[\w+-][\w.+-]*")


def run_folder(resume: str, usual: str) -> str:
    """A run's folder: the one that ``resume`` names, or the usual one.

    Raises:
        ValueError: it is neither a choice nor the folder of a run.
    """
    if resume in CHOICES:
        return usual
    _require_run(resume)
    return resume


def sweep_folder(resume: str, name: str | None, usual: str) -> str:
    """A sweep's folder: the one of that name, or the usual one.

    Raises:
        ValueError: ``resume`` names a folder, or the name is no name.
    """
    if resume not in CHOICES:
        _require_run(resume)
        raise ValueError(
            f"resume is {resume!r}, the folder of one run, but this is a sweep; allowed:"
            f" {', '.join(CHOICES)}, with sweep_name=… or hydra.sweep.dir=…"
        )
    if name is None:
        return usual
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"sweep_name is {name!r}; allowed: letters, digits and _ . + -, as it names a folder in"
            f" {SWEEPS}/; for another place: hydra.sweep.dir=…"
        )
    return f"{SWEEPS}/{name}"


def _require_run(resume: str) -> None:
    folder = Path(resume)
    if not (folder / RECORD_NAME).exists() and not (folder / "checkpoints").is_dir():
        raise ValueError(
            f"resume is {resume!r}; allowed: {', '.join(CHOICES)}, or the folder of a run, which"
            f" holds {RECORD_NAME}"
        )
