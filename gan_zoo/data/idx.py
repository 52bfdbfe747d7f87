"""The idx files that MNIST and its relatives come in: raw, gzip- or xz-compressed."""

import gzip
import hashlib
import lzma
import zlib
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

SUFFIXES = (".xz", ".gz", "")
MAGIC_UBYTE = 0x00000800  # plus the number of dimensions


class DataError(ValueError):
    """Data that cannot be had: which file, what was expected, what to do."""


class IdxFile(NamedTuple):
    """What is known of an idx file of bytes before it is read."""

    stem: str  # its name without .xz or .gz
    shape: tuple[int, ...]
    sha256: str  # of the decompressed content, header included


def expanded(root: str) -> Path:
    """Return the folder that ``data.root`` names, ``~`` being the home folder.

    Raises:
        DataError: there is no home folder, as in some containers and batch systems.
    """
    try:
        return Path(root).expanduser()
    except RuntimeError as error:
        raise DataError(
            f"data.root is {root!r}, and there is no home folder here: give a folder without ~ as"
            " data.root"
        ) from error


def read_idx(folder: Path, expected: IdxFile, remedy: str) -> Tensor:
    """Read and verify one idx file of bytes.

    Args:
        folder: where it lies, as ``stem.xz``, ``stem.gz`` or ``stem``; the first found is read.
        expected: its name, shape and checksum.
        remedy: what a user should do if it is missing or damaged; ends the error message.

    Returns:
        A uint8 tensor of ``expected.shape``.

    Raises:
        DataError: missing, truncated, corrupt, of another kind, shape or content than expected.
    """
    path = _find(folder, expected.stem, remedy)
    longest = 4 + 4 * 3 + prod(expected.shape)
    content = _decompressed(path, longest + 1, remedy)
    shape = _shape(content)
    if shape is None:
        raise DataError(
            f"{path}: is no idx file of bytes; expected one of shape {expected.shape}. {remedy}"
        )
    if shape != expected.shape:
        raise DataError(f"{path}: holds shape {shape}, expected {expected.shape}. {remedy}")
    start = 4 + 4 * len(shape)
    size = start + prod(shape)
    if len(content) != size:
        raise DataError(
            f"{path}: holds {len(content)} bytes when decompressed, expected {size}. {remedy}"
        )
    found = hashlib.sha256(content).hexdigest()
    if found != expected.sha256:
        raise DataError(
            f"{path}: sha256 of the decompressed content is {found}, "
            f"expected {expected.sha256}. {remedy}"
        )
    # the copy makes the bytes writable, as torch wants them
    array = np.frombuffer(content, dtype=np.uint8, offset=start).copy()
    return torch.from_numpy(array).reshape(shape)


def _find(folder: Path, stem: str, remedy: str) -> Path:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one that holds {stem}. {remedy}")
    for suffix in SUFFIXES:
        path = folder / f"{stem}{suffix}"
        if path.is_file():
            return path
    raise DataError(f"{folder / stem}: no such file, nor with .xz or .gz added. {remedy}")


def _decompressed(path: Path, most: int, remedy: str) -> bytes:
    """At most so many bytes, more than are expected: a few bytes can be packed to fill memory."""
    try:
        match path.suffix:
            case ".xz":
                with lzma.open(path) as file:
                    return file.read(most)
            case ".gz":
                with gzip.open(path) as file:
                    return file.read(most)
            case _:
                with path.open("rb") as file:
                    return file.read(most)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); "
            f"expected a whole {path.suffix or 'idx'} file, not truncated or damaged. {remedy}"
        ) from error


def _shape(content: bytes) -> tuple[int, ...] | None:
    """The shape that an idx header of bytes tells; None if there is no such header."""
    dimensions = int.from_bytes(content[:4], "big") - MAGIC_UBYTE
    if not 1 <= dimensions <= 3 or len(content) < 4 + 4 * dimensions:
        return None
    header = np.frombuffer(content, dtype=">u4", count=dimensions, offset=4)
    return tuple(int(length) for length in header)
