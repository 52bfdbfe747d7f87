"""Everything a run needs to go on, in one file: tensors and plain values, no pickle.

A state is a tree of dicts, lists and tuples with tensors, numbers, strings and None at its leaves.
The tensors are a safetensors file's; the tree, with names in place of tensors, is JSON in its
header; a checksum covers the whole file (``gan_zoo.runs.checksum``).  A run folder has

- ``checkpoints/state.safetensors``: after the newest epoch that was saved,
- ``checkpoints/state.previous.safetensors``: the one before, for when the newest is damaged,
- ``checkpoints/state.midway.safetensors``: amid an epoch, written when a run is interrupted.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gan_zoo.runs import checksum
from gan_zoo.runs.record import write_bytes
from gan_zoo.runs.weights import FOLDER, header

NEWEST = "state.safetensors"
PREVIOUS = "state.previous.safetensors"
MIDWAY = "state.midway.safetensors"
_NEXT = "state.next.safetensors"
_TREE = "tree"

Tree = Any  # dict | list | tuple | Tensor | int | float | str | bool | None


def save_state(folder: Path, state: Tree, *, midway: bool = False) -> None:
    """Write a run's state; the newest one so far becomes the previous one.

    Nothing that is there is touched before the new file is complete.
    """
    checkpoints = folder / FOLDER
    if midway:
        write_bytes(checkpoints / MIDWAY, to_bytes(state))
        return
    write_bytes(checkpoints / _NEXT, to_bytes(state))
    if (checkpoints / NEWEST).exists():
        os.replace(checkpoints / NEWEST, checkpoints / PREVIOUS)
    os.replace(checkpoints / _NEXT, checkpoints / NEWEST)
    (checkpoints / MIDWAY).unlink(missing_ok=True)


def load_state(folder: Path, *, midway: bool = True) -> Tree | None:
    """The state to go on from, or None if there is no good one.

    A damaged file is told on standard error and removed, and the one before it is taken.

    Args:
        folder: of the run.
        midway: whether the state amid an epoch counts.
    """
    for name in (MIDWAY, NEWEST, PREVIOUS) if midway else (NEWEST, PREVIOUS):
        path = folder / FOLDER / name
        if not path.exists():
            continue
        try:
            return from_bytes(path.read_bytes())
        except checksum.ChecksumError as error:
            print(f"gan_zoo: {path}: {error}; going back to the one before", file=sys.stderr)
            path.unlink()
    return None


def discard_states(folder: Path, *, keep_newest: bool = False) -> None:
    """Remove a run's states; ``keep_newest``: all but the one that more epochs can start from."""
    for name in (MIDWAY, PREVIOUS, _NEXT, *(() if keep_newest else (NEWEST,))):
        (folder / FOLDER / name).unlink(missing_ok=True)


def to_bytes(state: Tree) -> bytes:
    """The file's content.

    Raises:
        TypeError: a leaf that is neither tensor nor plain value.
    """
    tensors: dict[str, Tensor] = {}
    tree = json.dumps(_packed(state, tensors, "state"))
    return checksum.sealed(save(tensors, metadata={_TREE: tree, checksum.KEY: checksum.BLANK}))


def from_bytes(content: bytes) -> Tree:
    """The state in a file's content.

    Raises:
        ChecksumError: it is not what ``to_bytes`` made.
    """
    checksum.check(content)
    try:
        tensors = load(content)
        return _unpacked(json.loads(header(content)[_TREE]), tensors)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise checksum.ChecksumError(f"it is no state of a run ({error})") from error


def _packed(node: Tree, tensors: dict[str, Tensor], name: str) -> Any:
    """JSON: a tensor is {"tensor": its name}, a dict {"dict": pairs}, a tuple {"tuple": [...]}."""
    if isinstance(node, Tensor):
        tensors[name] = node.detach().cpu().clone().contiguous()  # a copy: weights may be tied
        return {"tensor": name}
    if isinstance(node, dict):
        return {"dict": [[k, _packed(v, tensors, f"{name}/{k}")] for k, v in node.items()]}
    if isinstance(node, list | tuple):
        children = [_packed(v, tensors, f"{name}/{i}") for i, v in enumerate(node)]
        return {"tuple": children} if isinstance(node, tuple) else children
    if node is None or isinstance(node, bool | int | float | str):
        return node
    raise TypeError(f"{name} is a {type(node).__name__}, which a state cannot hold")


def _unpacked(node: Any, tensors: dict[str, Tensor]) -> Tree:
    if isinstance(node, list):
        return [_unpacked(child, tensors) for child in node]
    if not isinstance(node, dict):
        return node
    ((kind, inside),) = node.items()
    if kind == "tensor":
        return tensors[inside]
    if kind == "dict":
        return {key: _unpacked(value, tensors) for key, value in inside}
    return tuple(_unpacked(child, tensors) for child in inside)
