"""Read samples of any GAN from files: a ``.npz`` or a folder of PNGs.

Files may come from strangers: nothing in them is executed, and sizes in headers are checked before
memory is allocated.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gan_zoo.data.folder import pixels
from gan_zoo.data.npz import channels_first, read_arrays

MAX_BYTES = 4 * 2**30  # of a .npz, unpacked
MAX_PIXELS = 2**22  # of a picture


def read_samples(path: Path) -> tuple[Tensor, Tensor | None]:
    """Read images in [-1, 1], (N, C, H, W) float32, and their labels (N,) int64, or None.

    - ``.npz``: ``images`` of shape (N, H, W), (N, C, H, W) or (N, H, W, C) with C 1 or 3, as bytes,
      or floats in [0, 1] or, if any is negative, [-1, 1]; and, optionally, integer ``labels``.
    - a folder: all PNGs below it, sorted by name, of any bit depth, grey, in colour or with a
      palette; equal channels become grey. If all lie in subfolders named by whole numbers, these
      are the labels; if only some do, or subfolders have other names, a warning says so.

    Raises:
        ValueError: If there is no such file or folder or no image in it, images have different or
            unusable shapes, values are out of range or not finite, or labels do not match.
    """
    if path.is_dir():
        images, labels = _read_folder(path)
    elif path.suffix == ".npz":
        images, labels = _read_npz(path)
    else:
        if not path.exists():
            raise ValueError(f"{path}: no such file or folder")
        raise ValueError(f"{path} must be a .npz file, or a folder of PNGs or of a run")
    return _in_range(channels_first(images, path), path), labels


def _read_npz(path: Path) -> tuple[NDArray[np.generic], Tensor | None]:
    arrays = read_arrays(path, ("images", "labels"), MAX_BYTES)
    if "images" not in arrays:
        raise ValueError(f"{path} holds no array 'images'")
    labels = arrays.get("labels")
    if labels is None:
        return arrays["images"], None
    if labels.shape != arrays["images"].shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{path}: labels must be one whole number for each image, got shape {labels.shape} and"
            f" type {labels.dtype}"
        )
    return arrays["images"], torch.from_numpy(labels.astype(np.int64))


def _read_folder(path: Path) -> tuple[NDArray[np.generic], Tensor | None]:
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() == ".png")
    if not files:
        raise ValueError(f"{path} must hold PNGs or the record.json of a run")
    pictures = []
    for file in files:
        try:
            # PIL passes files of some formats to other programs, whatever their names
            with Image.open(file, formats=["PNG"]) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise ValueError(
                        f"it may have at most {MAX_PIXELS} pixels, got"
                        f" {picture.width}x{picture.height}"
                    )
                pictures.append(pixels(picture))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"cannot read {file}: {error}") from error
    sizes = sorted({picture.shape[:2] for picture in pictures})
    if len(sizes) > 1:
        raise ValueError(
            f"{path}: images must have one size, got (height, width) {sizes[0]} and {sizes[-1]}:"
            " resize them, or move those of other sizes away"
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
            f"gan_zoo: warning: {path} has no labels, so metrics that need them are left out: a PNG"
            f" lies in {other or 'the folder itself'!r}; name the subfolder of each class by its"
            " number, as 0, 1, 2",
            file=sys.stderr,
        )
    labels = torch.tensor([int(name) for name in names]) if len(named) == len(names) else None
    return images, labels


def _span(images: NDArray[np.generic]) -> str:
    """Describe the range of real numbers; empty for others."""
    if images.dtype.kind not in "iuf" or images.size == 0:
        return ""
    return f" from {images.min():.6g} to {images.max():.6g}"


def _in_range(images: NDArray[np.generic], path: Path) -> Tensor:
    if images.dtype == np.uint8:
        if images.max() == 1:
            raise ValueError(
                f"{path}: bytes must be from 0 to 255, got only 0 and 1, which would be black:"
                " multiply them by 255, or convert them to floats"
            )
        return torch.from_numpy(images.copy()).float().div_(127.5).sub_(1)
    if images.dtype.kind != "f" or not np.isfinite(images).all() or np.abs(images).max() > 1:
        raise ValueError(
            f"{path}: images must be bytes (uint8) from 0 to 255, or finite floats in [0, 1] or"
            f" [-1, 1], got {images.dtype}{_span(images)}: convert or rescale them"
        )
    values = torch.from_numpy(images.astype(np.float32))
    return values if bool((values < 0).any()) else values * 2 - 1
