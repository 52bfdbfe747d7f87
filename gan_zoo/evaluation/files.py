"""Samples of anyone's GAN from files: a ``.npz`` or a folder of PNGs.

Such a file may come from a stranger: nothing in it is executed, and what it says of its size is
looked at before memory is taken.
"""

import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

MOST_BYTES = 4 * 2**30  # of an array, unpacked
MOST_PIXELS = 2**22  # of a picture


def read_samples(path: Path) -> tuple[Tensor, Tensor | None]:
    """Images in [-1, 1], (N, C, H, W) float32, and their labels (N,) int64 if there are any.

    - ``.npz``: ``images`` of shape (N, H, W), (N, C, H, W) or (N, H, W, C) with C 1 or 3; bytes,
      or floats in [0, 1] or [-1, 1] (negative values tell); and, optionally, integer ``labels``.
    - a folder: all PNGs in it, in the order of their names; if they lie in subfolders named by
      whole numbers, those are the labels.

    Raises:
        ValueError: no such file or folder, no images, images of different or unusable shapes,
            values out of range or not finite, labels that do not match.
    """
    if path.is_dir():
        images, labels = _read_folder(path)
    elif path.suffix == ".npz":
        images, labels = _read_npz(path)
    else:
        raise ValueError(f"{path}: allowed: a .npz file, or a folder of PNGs or of a run")
    return _in_range(_channels_first(images, path), path), labels


def _read_npz(path: Path) -> tuple[NDArray[np.generic], Tensor | None]:
    try:
        with ZipFile(path) as archive:
            present = {name.removesuffix(".npy"): name for name in archive.namelist()}
            arrays = {
                name: _read_array(archive, present[name])
                for name in ("images", "labels")
                if name in present
            }
    except _READING_ERRORS as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    if "images" not in arrays:
        raise ValueError(f"{path} holds no array 'images'")
    labels = arrays.get("labels")
    if labels is None:
        return arrays["images"], None
    if labels.shape != arrays["images"].shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{path}: labels have shape {labels.shape} and type {labels.dtype}; allowed: one whole"
            " number for each image"
        )
    return arrays["images"], torch.from_numpy(labels.astype(np.int64))


# what zipfile, zlib and numpy raise at damaged, encrypted and unknown content
_READING_ERRORS = (
    OSError, ValueError, EOFError, BadZipFile, zlib.error, RuntimeError, NotImplementedError,
)  # fmt: skip


def _read_array(archive: ZipFile, name: str) -> NDArray[np.generic]:
    """One array whose header, size and content agree; never one of Python objects."""
    with archive.open(name) as file:
        version = npy.read_magic(file)
        header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        if version not in header:
            raise ValueError(f"{name} has npy version {version}; allowed: 1.0 or 2.0")
        shape, fortran, kind = header[version](file)
        if kind.hasobject:
            raise ValueError(f"{name} holds Python objects; allowed: numbers")
        size = kind.itemsize
        for length in shape:
            size *= length
        if size > MOST_BYTES or size != archive.getinfo(name).file_size - file.tell():
            raise ValueError(
                f"{name} says it has shape {shape} of {kind}, {size} bytes; allowed: as many as"
                f" the file holds, up to {MOST_BYTES}"
            )
        flat = np.frombuffer(file.read(), dtype=kind)
    return flat.reshape(shape[::-1]).transpose() if fortran else flat.reshape(shape)


def _read_folder(path: Path) -> tuple[NDArray[np.generic], Tensor | None]:
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() == ".png")
    if not files:
        raise ValueError(f"{path} holds no PNG and no record.json of a run")
    pictures = []
    for file in files:
        try:
            # other formats may lie under such a name, and PIL hands some to other programs
            with Image.open(file, formats=["PNG"]) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise ValueError(
                        f"it is {picture.width}x{picture.height}; allowed: {MOST_PIXELS} pixels"
                    )
                pictures.append(np.asarray(picture.convert("L" if picture.mode in "1L" else "RGB")))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"{file}: cannot be read: {error}") from error
    shapes = {picture.shape for picture in pictures}
    if len(shapes) > 1:
        raise ValueError(f"{path}: images of different shapes: {sorted(map(str, shapes))}")
    names = [file.parent.name if file.parent != path else "" for file in files]
    known = all(name.isdecimal() for name in names)
    labels = torch.tensor([int(name) for name in names]) if known else None
    return np.stack(pictures), labels


def _channels_first(images: NDArray[np.generic], path: Path) -> NDArray[np.generic]:
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images
    if images.ndim == 4 and images.shape[3] in (1, 3):
        return images.transpose(0, 3, 1, 2)
    raise ValueError(
        f"{path}: images have shape {images.shape}; allowed: (N, H, W), (N, C, H, W) or"
        " (N, H, W, C) with C 1 or 3"
    )


def _in_range(images: NDArray[np.generic], path: Path) -> Tensor:
    if images.dtype == np.uint8:
        return torch.from_numpy(images.copy()).float().div_(127.5).sub_(1)
    if images.dtype.kind != "f" or not np.isfinite(images).all() or np.abs(images).max() > 1:
        raise ValueError(
            f"{path}: images of type {images.dtype}; allowed: bytes, or finite floats in [0, 1] or"
            " [-1, 1]"
        )
    values = torch.from_numpy(images.astype(np.float32))
    return values if bool((values < 0).any()) else values * 2 - 1
