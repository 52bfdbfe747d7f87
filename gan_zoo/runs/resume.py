"""Where a run goes, and whether it resumes or starts over: decided from records alone."""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gan_zoo import __version__
from gan_zoo.runs.overrides import shell_word
from gan_zoo.runs.record import (
    RECORD_NAME,
    AlreadyFinished,
    DamagedRecord,
    RunRecord,
    RunSpec,
    read_record,
)
from gan_zoo.types import ConfigurationError

ENDED = ("finished", "diverged")  # statuses of runs that are never overwritten
STATES = "checkpoints/state*.pt"  # what a run resumes from
OLD_STATES = "checkpoints/state*.safetensors"  # of gan_zoo before 0.2, which cannot be read
CHOICES = ("auto", "never", "retry")
# Keys of a configuration that do not determine a run's numbers.
COSMETIC = (
    "device", "deterministic", "capture", "after_sweep", "resume", "sweep_name", "tracker",
    "profile", "evaluation.motion",
)  # fmt: skip
SWEEPS = "multirun"
_NAME = re.compile(r"[\w+-][\w.+-]*")


class PreviousRunFailed(RuntimeError):
    """Raised when a folder holds a run that failed, which a sweep repeats only when asked to."""


def should_resume(folder: Path, spec: RunSpec, choice: str, *, retry: bool) -> bool:
    """Return whether a run resumes from the state in its folder; if not, it starts over.

    Args:
        folder: of the run.
        spec: of the run.
        choice: the option ``resume``: auto | never | retry.
        retry: whether a run that failed is tried again.

    Raises:
        AlreadyFinished: there is nothing to do.
        PreviousRunFailed: the run failed, and ``retry`` is false.
        ConfigurationError: the folder holds a run of another configuration.
    """
    state, old = _has_state(folder), _read_previous(folder, choice)
    if old is None:
        return choice != "never" and state
    same = old.run_id == spec.run_id
    again = choice == "retry" and old.status == "diverged"
    if old.status in ENDED and (choice == "never" or (same and not again)):
        raise AlreadyFinished(
            f"{folder} holds a {old.status} run, which is never overwritten: choose another folder"
            " (hydra.run.dir=… or hydra.sweep.dir=…) or move that one away"
        )
    if choice == "never":
        return False
    if same:
        if old.status == "failed" and not retry:
            kind = (old.error or {}).get("kind")
            raise PreviousRunFailed(
                f"{folder} holds a run that failed ({kind}); resume=retry tries it again"
            )
        if again:
            (folder / RECORD_NAME).replace(folder / f"{RECORD_NAME}.diverged")
        return state and not again
    if old.status not in ENDED and not state:
        return False  # a mistake in the configuration, now corrected
    check_same(old, spec, folder)
    if not state:
        raise ConfigurationError(f"{folder} holds no state that more epochs could start from")
    return True


def _has_state(folder: Path) -> bool:
    """Return whether there is a state; print a warning if there is only one of the old format."""
    state = any(folder.glob(STATES))
    if not state and any(folder.glob(OLD_STATES)):
        print(
            f"gan_zoo: {folder}: the run's state was written by an older version and cannot be"
            " read: finish the run with that version, or it starts over",
            file=sys.stderr,
        )
    return state


def _read_previous(folder: Path, choice: str) -> RunRecord | None:
    """Return the record in a folder, None if there is none; move a damaged one away."""
    if not (folder / RECORD_NAME).exists():
        return None
    try:
        return read_record(folder)
    except DamagedRecord as error:
        if choice == "never":
            raise
        (folder / RECORD_NAME).replace(folder / f"{RECORD_NAME}.damaged")
        print(f"gan_zoo: {error}; kept as {RECORD_NAME}.damaged", file=sys.stderr)
        return None


def check_same(old: RunRecord, spec: RunSpec, folder: Path) -> None:
    """Check that a run has the configuration of the one in its folder, or only more epochs.

    Raises:
        ConfigurationError: naming the keys that differ with both values, or why the shorter run is
            not the beginning of the longer one.
    """
    if old.run_id == spec.run_id:
        return
    found = differences(old.config, spec.config)
    epochs = found.get("trainer.epochs", (None, None))
    if len(found) == 1 and None not in epochs and epochs[1] > epochs[0]:
        reason = _not_extendable(old.config, epochs[0])
        if reason is None:
            return
        raise ConfigurationError(f"{folder} cannot be extended to {epochs[1]} epochs: {reason}")
    if not found:
        found = {"gan_zoo's version": (old.environment.get("gan_zoo"), __version__)}
    lines = "\n".join(f"  {key}: there {a!r}, here {b!r}" for key, (a, b) in found.items())
    words = [f"loss={old.loss}", f"seed={old.seed}", *old.overrides]
    command = " ".join(map(shell_word, words))
    raise ConfigurationError(
        f"{folder} holds a run of another configuration, which is never overwritten:\n{lines}\n"
        f"Its options were: {command}\nRepeat those to resume it, or choose another folder"
        " (hydra.run.dir=…)"
    )


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return dotted key -> (old value, new value) where they differ, cosmetic keys left out.

    >>> differences({"a": {"b": 1, "c": 2}, "device": "cpu"}, {"a": {"b": 1, "c": 3}})
    {'a.c': (2, 3)}
    """
    one, other = (
        {key: value for key, value in _flattened(config, "") if not cosmetic(key)}
        for config in (old, new)
    )
    pairs = {key: (one.get(key), other.get(key)) for key in dict.fromkeys([*one, *other])}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def run_folder(resume: str, usual: str) -> str:
    """Return a run's folder: the one that ``resume`` names, or the usual one.

    Raises:
        ValueError: ``resume`` is neither a choice nor the folder of a run.
    """
    if resume in CHOICES:
        return usual
    _require_run(resume)
    return resume


def sweep_folder(resume: str, name: str | None, usual: str) -> str:
    """Return a sweep's folder: the one of that name, or the usual one.

    Raises:
        ValueError: ``resume`` names a folder, or the name cannot be a folder's.
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


def cosmetic(key: str) -> bool:
    """Return whether a dotted key is ``COSMETIC`` or lies below one that is."""
    return any(key == known or key.startswith(f"{known}.") for known in COSMETIC)


def _flattened(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _not_extendable(config: Mapping[str, Any], epochs: int) -> str | None:
    """Return why a run of so many epochs is not the beginning of a longer one; None if it is."""
    if config["trainer"]["lr_decay"] > 0:
        return (
            "trainer.lr_decay is more than 0, so the learning rates of its updates depend on the"
            " planned number of epochs"
        )
    every = config["evaluation"]["every"]
    if epochs % every:
        return (
            f"its last epoch, {epochs}, was measured although evaluation.every is {every}, so the"
            " best weights may be those of an epoch that a longer run does not measure"
        )
    return None
