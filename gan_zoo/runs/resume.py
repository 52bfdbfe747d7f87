"""May a run start in a folder, and does it go on there or begin anew? Told from records alone."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_zoo import __version__
from gan_zoo.runs.overrides import shell_word
from gan_zoo.runs.record import RECORD_NAME, AlreadyFinished, DamagedRecord, RunRecord, read_record
from gan_zoo.types import ConfigurationError

ENDED = ("finished", "diverged")  # statuses of what is never overwritten
STATES = "checkpoints/state*.safetensors"  # where a run folder has what it can go on from
CHOICES = ("auto", "never", "retry")
# Keys at the top of a configuration that do not decide on a run's numbers.
COSMETIC = ("device", "after_sweep", "resume", "sweep_name", "tracker")


class Failed(RuntimeError):
    """The folder holds a run that failed, and a sweep retries those only when asked."""


def should_resume(folder: Path, new: RunRecord, choice: str, *, retry: bool) -> bool:
    """Whether the run goes on from the folder's state (if not: it begins anew).

    Args:
        folder: of the run.
        new: the record of the run that is to be.
        choice: the option ``resume``.
        retry: whether a failed run is tried again.

    Raises:
        AlreadyFinished: there is nothing to do.
        Failed: the run failed before.
        ConfigurationError: the folder is that of another configuration.
    """
    state = any(folder.glob(STATES))
    if not (folder / RECORD_NAME).exists():
        return choice != "never" and state
    try:
        old = read_record(folder)
    except DamagedRecord as error:
        if choice == "never":
            raise
        (folder / RECORD_NAME).replace(folder / f"{RECORD_NAME}.damaged")
        what = "going on from the run's state" if state else "there is no state: beginning anew"
        print(f"gan_zoo: {error}; kept as {RECORD_NAME}.damaged; {what}", file=sys.stderr)
        return state
    if choice == "never":
        if old.status in ENDED:
            raise _finished(folder, old)
        return False
    if old.run_id == new.run_id:
        return _goes_on(folder, old, retry=retry, again=choice == "retry") and state
    if old.status not in ENDED and not state:
        return False  # a mistake in the configuration, corrected by now
    check_same(old, new, folder)
    if not state:
        raise ConfigurationError(f"{folder} holds no state that more epochs could start from")
    return True


def _goes_on(folder: Path, old: RunRecord, *, retry: bool, again: bool) -> bool:
    """The same for a run of the same configuration; ``again``: one that diverged begins anew."""
    if old.status == "finished" or (old.status == "diverged" and not again):
        raise _finished(folder, old)
    if old.status == "failed" and not retry:
        kind = (old.error or {}).get("kind")
        raise Failed(f"{folder} holds a run that failed ({kind}); resume=retry tries it again")
    if old.status == "diverged":
        (folder / RECORD_NAME).replace(folder / f"{RECORD_NAME}.diverged")
        return False
    return True


def check_same(old: RunRecord, new: RunRecord, folder: Path) -> None:
    """Refuse to go on under another configuration; more epochs are none, if that is all.

    Raises:
        ConfigurationError: naming the keys that differ with both values, or what in the shorter
            run would have been otherwise in the longer.
    """
    if old.run_id == new.run_id:
        return
    found = differences(old.config, new.config)
    epochs = found.get("trainer.epochs")
    if (
        list(found) == ["trainer.epochs"]
        and epochs
        and None not in epochs
        and epochs[1] > epochs[0]
    ):
        reason = _not_extendable(old.config, epochs[0])
        if reason is None:
            return
        raise ConfigurationError(f"{folder} cannot go on to {epochs[1]} epochs: {reason}")
    if not found:
        found = {"gan_zoo's version": (old.environment.get("gan_zoo"), __version__)}
    lines = "\n".join(f"  {key}: there {a!r}, here {b!r}" for key, (a, b) in found.items())
    words = [f"loss={old.loss}", f"seed={old.seed}", *old.overrides]
    command = " ".join(map(shell_word, words))
    raise ConfigurationError(
        f"{folder} holds a run of another configuration, which is never overwritten:\n{lines}\n"
        f"Its own was: {command}\nGive that one to go on with it, or choose another folder"
        " (hydra.run.dir=…)"
    )


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys, dotted, whose values differ: key -> (old value, new value); cosmetic ones aside.

    >>> differences({"a": {"b": 1, "c": 2}, "device": "cpu"}, {"a": {"b": 1, "c": 3}})
    {'a.c': (2, 3)}
    """
    flat = [
        dict(_flattened({key: value for key, value in config.items() if key not in COSMETIC}, ""))
        for config in (old, new)
    ]
    keys = dict.fromkeys([*flat[0], *flat[1]])
    pairs = {key: (flat[0].get(key), flat[1].get(key)) for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _flattened(node: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            found += _flattened(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


def _not_extendable(config: Mapping[str, Any], epochs: int) -> str | None:
    """Why a run of so many epochs is not the beginning of a longer one; None: it is."""
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


def _finished(folder: Path, old: RunRecord) -> AlreadyFinished:
    return AlreadyFinished(
        f"{folder} holds a {old.status} run, which is never overwritten: choose another folder"
        " (hydra.run.dir=… or hydra.sweep.dir=…) or move that one away"
    )
