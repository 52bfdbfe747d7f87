"""Read the idx files of MNIST and similar data sets: raw, gzip- or xz-compressed."""

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

from gan_zoo.types import Split

SUFFIXES = (".xz", ".gz", "")
MAGIC_UBYTE = 0x00000800  # plus the number of dimensions


class DataError(ValueError):
    """Raised when data are missing or damaged; says which file, what was expected, what to do."""


class IdxFile(NamedTuple):
    """The expected name, shape and checksum of an idx file of bytes."""

    stem: str  # its name without .xz or .gz
    shape: tuple[int, ...]
    sha256: str  # of the decompressed content, header included


def expand_root(root: str, key: str = "data.root") -> Path:
    """Return a path of the data, with ``~`` replaced by the home folder.

    Raises:
        DataError: If there is no home folder, as in some containers and batch systems.
    """
    try:
        return Path(root).expanduser()
    except RuntimeError as error:
        raise DataError(
            f"{key} must be a path without ~, as there is no home folder here, got {root!r}"
        ) from error


def read_split(folder: Path, files: tuple[IdxFile, IdxFile], remedy: str) -> Split:
    """Read images as bytes (N, 1, H, W) and their labels; arguments and errors of ``read_idx``."""
    images, labels = (read_idx(folder, file, remedy) for file in files)
    return Split(images.unsqueeze(1), labels.long())


def read_idx(folder: Path, expected: IdxFile, remedy: str) -> Tensor:
    """Read and verify one idx file of bytes.

    Args:
        folder: of ``stem.xz``, ``stem.gz`` or ``stem``; the first found is read.
        expected: name, shape and checksum.
        remedy: what to do if it is missing or damaged, for the error message.

    Returns:
        A uint8 tensor of ``expected.shape``.

    Raises:
        DataError: If the file is missing, truncated, corrupt, or not the expected one.
    """
    path = _find(folder, expected.stem, remedy)
    longest = 4 + 4 * 3 + prod(expected.shape)
    content = _decompressed(path, longest + 1, remedy)
    shape = _shape(content)
    if shape is None:
        raise DataError(f"{path} must be an idx file of bytes of shape {expected.shape}. {remedy}")
    if shape != expected.shape:
        raise DataError(f"{path} must hold shape {expected.shape}, got {shape}. {remedy}")
    start = 4 + 4 * len(shape)
    size = start + prod(shape)
    if len(content) != size:
        raise DataError(
            f"{path} must hold {size} bytes when decompressed, got {len(content)}. {remedy}"
        )
    found = hashlib.sha256(content).hexdigest()
    if found != expected.sha256:
        raise DataError(
            f"{path}: the decompressed content must have sha256 {expected.sha256}, got {found}."
            f" {remedy}"
        )
    # the copy makes the bytes writable, as torch wants them
    array = np.frombuffer(content, dtype=np.uint8, offset=start).copy()
    return torch.from_numpy(array).reshape(shape)


def _find(folder: Path, stem: str, remedy: str) -> Path:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder, expected one with {stem}. {remedy}")
    for suffix in SUFFIXES:
        path = folder / f"{stem}{suffix}"
        if path.is_file():
            return path
    raise DataError(f"{folder / stem}: no such file, nor with .xz or .gz added. {remedy}")


def _decompressed(path: Path, most: int, remedy: str) -> bytes:
    """Read at most ``most`` bytes, since a small compressed file may expand to fill memory."""
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
            f"cannot read {path} ({error}): expected a complete {path.suffix or 'idx'} file."
            f" {remedy}"
        ) from error


def _shape(content: bytes) -> tuple[int, ...] | None:
    """Return the shape in the header of an idx file of bytes; None if the header is another."""
    dimensions = int.from_bytes(content[:4], "big") - MAGIC_UBYTE
    if not 1 <= dimensions <= 3 or len(content) < 4 + 4 * dimensions:
        return None
    header = np.frombuffer(content, dtype=">u4", count=dimensions, offset=4)
    return tuple(int(length) for length in header)
