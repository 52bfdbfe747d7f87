"""The state that a run resumes from: ``torch.save`` of tensors and plain values, and a checksum.

``checkpoints/`` in the folder of a run holds

- ``state.pt``: after the newest epoch that was saved,
- ``state.previous.pt``: the one before, used if the newest is damaged,
- ``state.midway.pt``: within an epoch, written when a run is interrupted.

Each file ends in the SHA-256 of what precedes it; ``torch.load(path, weights_only=True)`` reads it.
"""

import hashlib
import io
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_zoo.runs.checksum import ChecksumError
from gan_zoo.runs.record import write_bytes
from gan_zoo.runs.weights import FOLDER

NEWEST, PREVIOUS, MIDWAY, _NEXT = (
    f"state{kind}.pt" for kind in ("", ".previous", ".midway", ".next")
)
_DIGEST = hashlib.sha256().digest_size

Tree = Any  # dict | list | tuple | Tensor | int | float | str | bool | None


def save_state(folder: Path, state: Tree, *, midway: bool = False) -> None:
    """Write a run's state; the newest one so far becomes the previous one.

    No file is touched before the new one is complete.

    Raises:
        TypeError: the state holds something other than tensors and plain values.
    """
    checkpoints = folder / FOLDER
    write_bytes(checkpoints / (MIDWAY if midway else _NEXT), to_bytes(state))
    if not midway:
        if (checkpoints / NEWEST).exists():
            os.replace(checkpoints / NEWEST, checkpoints / PREVIOUS)
        os.replace(checkpoints / _NEXT, checkpoints / NEWEST)
        (checkpoints / MIDWAY).unlink(missing_ok=True)


def load_state(folder: Path, *, midway: bool = True) -> Tree | None:
    """Return the state to resume from, its tensors on the CPU; None if there is no good one.

    A damaged file is reported on standard error and removed, and the one before it is loaded.

    Args:
        folder: of the run.
        midway: whether a state within an epoch counts.
    """
    for name in (MIDWAY, NEWEST, PREVIOUS) if midway else (NEWEST, PREVIOUS):
        path = folder / FOLDER / name
        if not path.exists():
            continue
        try:
            return from_bytes(path.read_bytes())
        except ChecksumError as error:
            print(f"gan_zoo: {path}: {error}; loading the state before it", file=sys.stderr)
            path.unlink()
    return None


def discard_states(folder: Path, *, keep_newest: bool = False) -> None:
    """Remove a run's states; ``keep_newest``: all but the one that more epochs can start from."""
    for name in (MIDWAY, PREVIOUS, _NEXT, *(() if keep_newest else (NEWEST,))):
        (folder / FOLDER / name).unlink(missing_ok=True)


def to_bytes(state: Tree) -> bytes:
    """Return the content of a state's file.

    Raises:
        TypeError: the state holds something other than tensors and plain values.
    """
    buffer = io.BytesIO()
    torch.save(_plain(state, "state"), buffer)
    digest = hashlib.sha256(buffer.getbuffer()).digest()
    buffer.write(digest)
    return buffer.getvalue()


def from_bytes(content: bytes) -> Tree:
    """Return the state in a file's content.

    Raises:
        ChecksumError: the content is not what ``to_bytes`` returned.
    """
    state, digest = content[:-_DIGEST], content[-_DIGEST:]
    if hashlib.sha256(state).digest() != digest:
        raise ChecksumError("its content does not match its checksum: it is damaged")
    return torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)


def _plain(node: Tree, name: str) -> Tree:
    """Return a state in types that ``torch.load(weights_only=True)`` is sure to read."""
    if node is None or type(node) in (bool, int, float, str):
        return node
    if isinstance(node, Tensor):
        tensor = node.detach().cpu()
        whole = tensor.untyped_storage().nbytes() == tensor.nbytes
        return tensor if whole else tensor.clone()  # of a view, save no more
    if isinstance(node, dict):
        return {key: _plain(value, f"{name}/{key}") for key, value in node.items()}
    if isinstance(node, list | tuple):
        children = [_plain(value, f"{name}/{number}") for number, value in enumerate(node)]
        return tuple(children) if isinstance(node, tuple) else children
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)  # of a subclass, such as NumPy's float64
    raise TypeError(f"{name} is a {type(node).__name__}, which a state cannot hold")
