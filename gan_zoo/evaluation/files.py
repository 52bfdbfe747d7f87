"""Samples of anyone's GAN from files: a ``.npz`` or a folder of PNGs.

Such a file may come from a stranger: nothing in it is executed, and what it says of its size is
looked at before memory is taken.
"""

import sys
import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

MAX_BYTES = 4 * 2**30  # of an array, unpacked
MAX_PIXELS = 2**22  # of a picture


def read_samples(path: Path) -> tuple[Tensor, Tensor | None]:
    """Return images in [-1, 1], (N, C, H, W) float32, and their labels (N,) int64 if there are any.

    - ``.npz``: ``images`` of shape (N, H, W), (N, C, H, W) or (N, H, W, C) with C 1 or 3; bytes,
      or floats in [0, 1] or [-1, 1] (negative values tell); and, optionally, integer ``labels``.
    - a folder: all PNGs in it, in the order of their names, of any bit depth, grey, in colour or
      with a palette; equal channels are grey. If all lie in subfolders named by whole numbers,
      those are the labels; if only some do, or subfolders have other names, a warning says so.

    Raises:
        ValueError: no such file or folder, no images, images of different or unusable shapes,
            values out of range or not finite, labels that do not match.
    """
    if path.is_dir():
        images, labels = _read_folder(path)
    elif path.suffix == ".npz":
        images, labels = _read_npz(path)
    else:
        there = "it is neither" if path.exists() else "there is no such file or folder"
        raise ValueError(f"{path}: {there}; allowed: a .npz file, or a folder of PNGs or of a run")
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
        if size > MAX_BYTES or size != archive.getinfo(name).file_size - file.tell():
            raise ValueError(
                f"{name} says it has shape {shape} of {kind}, {size} bytes; allowed: as many as"
                f" the file holds, up to {MAX_BYTES}"
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
                if picture.width * picture.height > MAX_PIXELS:
                    raise ValueError(
                        f"it is {picture.width}x{picture.height}; allowed: {MAX_PIXELS} pixels"
                    )
                pictures.append(_pixels(picture))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"{file}: cannot be read: {error}") from error
    sizes = sorted({picture.shape[:2] for picture in pictures})
    if len(sizes) > 1:
        raise ValueError(
            f"{path}: images of different sizes, as (height, width) {sizes[0]} and {sizes[-1]};"
            " allowed: one size. Resize them, or move those of other sizes away"
        )
    images = np.stack(pictures)
    # torchvision's save_image writes grey as three equal channels
    if (images == images[..., :1]).all():
        images = images[..., :1]
    names = [file.parent.name if file.parent != path else "" for file in files]
    named = [name for name in names if name.isdecimal()]
    if 0 < len(named) < len(names) or (not named and any(names)):
        other = next(name for name in names if not name.isdecimal() and (name or named))
        print(
            f"gan_zoo: warning: {path}: the labels cannot be read, so metrics that need them are"
            f" left out: a PNG lies in {other or 'the folder itself'!r}; name a subfolder for each"
            " class by its number, as 0, 1, 2",
            file=sys.stderr,
        )
    labels = torch.tensor([int(name) for name in names]) if len(named) == len(names) else None
    return images, labels


def _pixels(picture: Image.Image) -> NDArray[np.uint8]:
    """A PNG of any kind as (H, W, 3) bytes; transparency is refused, as it has no colour."""
    if picture.mode.startswith("I"):  # 16 bits of grey
        wide = np.asarray(picture).astype(np.int64)
        grey = ((wide + 128) // 257).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if "A" in picture.mode or "transparency" in picture.info:
        pixels = np.asarray(picture.convert("RGBA"))
        if (pixels[..., 3] < 255).any():
            raise ValueError(
                "it has transparent pixels, whose colour depends on what lies behind them; put it"
                " on its background and save it without transparency (PIL: alpha_composite)"
            )
        return pixels[..., :3]
    return np.asarray(picture.convert("RGB"))


def _channels_first(images: NDArray[np.generic], path: Path) -> NDArray[np.generic]:
    if images.size == 0:
        raise ValueError(f"{path}: images have shape {images.shape}; allowed: one image or more")
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images
    if images.ndim == 4 and images.shape[3] in (1, 3):
        return images.transpose(0, 3, 1, 2)
    raise ValueError(
        f"{path}: images have shape {images.shape}; allowed: (N, H, W), (N, C, H, W) or"
        " (N, H, W, C) with C 1 or 3. Transpose or reshape them"
    )


def _span(images: NDArray[np.generic]) -> str:
    """The range of real numbers, in words."""
    if images.dtype.kind not in "iuf" or images.size == 0:
        return ""
    return f" from {images.min():.6g} to {images.max():.6g}"


def _in_range(images: NDArray[np.generic], path: Path) -> Tensor:
    if images.dtype == np.uint8:
        if images.max() == 1:
            raise ValueError(
                f"{path}: images are bytes of 0 and 1 alone, which would be black; allowed: bytes"
                " up to 255, or floats. Multiply them by 255, or convert them to floats"
            )
        return torch.from_numpy(images.copy()).float().div_(127.5).sub_(1)
    if images.dtype.kind != "f" or not np.isfinite(images).all() or np.abs(images).max() > 1:
        raise ValueError(
            f"{path}: images of type {images.dtype}{_span(images)}; allowed: bytes (uint8) from 0"
            " to 255, or finite floats in [0, 1] or [-1, 1]. Convert or rescale them"
        )
    values = torch.from_numpy(images.astype(np.float32))
    return values if bool((values < 0).any()) else values * 2 - 1
