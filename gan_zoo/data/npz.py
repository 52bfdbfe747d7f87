"""Read images and labels from a ``.npz``, such as MedMNIST's and Keras's files.

Files may come from strangers: nothing in them is unpickled, and sizes are checked before memory is
allocated.
"""

import re
import zlib
from collections.abc import Collection
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from gan_zoo.data.idx import DataError, expand_root
from gan_zoo.data.own import MAX_BYTES, Part, given_path, greyed, own_dataset
from gan_zoo.types import Dataset

Array = NDArray[np.generic]
# part -> names of its images and of its labels, the first that the file has
NAMES = {
    "train": (
        ("train_images", "train_labels"), ("x_train", "y_train"), ("images", "labels"), ("x", "y"),
    ),
    "validation": (("val_images", "val_labels"), ("x_val", "y_val")),
    "test": (("test_images", "test_labels"), ("x_test", "y_test")),
}  # fmt: skip

_OR = ", ".join(images for images, _ in NAMES["train"])


def load_npz(path: str | None = None, grey: bool = False, pad: bool = False) -> Dataset:
    """Load images as bytes (N, C, H, W) from arrays with one of the usual names.

    Images are (N, H, W), (N, C, H, W) or (N, H, W, C) with C 1 or 3: bytes, or numbers in [0, 1],
    [-1, 1] or [0, 255]. Labels are (N,) or (N, 1): whole numbers or strings; without any, all
    images are of one class.

    Args:
        path: of the file.
        grey: whether to convert colour to grey.
        pad: whether to repeat the borders up to sides that are multiples of four.

    Raises:
        DataError: If the file cannot be used; nothing in it is unpickled.
    """
    file = given_path("data.path", path, "a .npz file of images")
    wanted = [name for pairs in NAMES.values() for pair in pairs for name in pair]
    arrays = read_arrays(file, wanted, MAX_BYTES)
    pairs = {
        part: next(((i, y) for i, y in names if i in arrays), None) for part, names in NAMES.items()
    }
    known = {part: pair for part, pair in pairs.items() if pair is not None}
    if "train" not in known:
        raise DataError(
            f"{file} must have a plain array of numbers named {_OR}, and its entries are"
            f" {', '.join(_names(file)) or 'none'}: rename or convert the training images"
        )
    images = _as_bytes(
        {part: channels_first(arrays[i], file) for part, (i, _) in known.items()}, file
    )
    parts = {}
    for part, (_, name) in known.items():
        classes = _classes(arrays.get(name), len(images[part]), f"{file}: {name}")
        parts[part] = Part(greyed(images[part]) if grey else images[part], classes)
    return own_dataset("npz", file, parts, pad=pad)


def load_medmnist(
    dataset: str | None = None,
    root: str = "~/.medmnist",
    download: bool = True,
    grey: bool = False,
    pad: bool = False,
) -> Dataset:
    """Load a set of MedMNIST from ``root``, where the package ``medmnist`` puts what it downloads.

    Args:
        dataset: such as ``bloodmnist``; its file is ``bloodmnist.npz``.
        root: folder of the files; the package is only needed to download one.
        download: whether to download a missing file.
        grey, pad: as for ``load_npz``.

    Raises:
        DataError: If the file is not there and cannot be downloaded, or cannot be used.

    Source: Yang et al. 2023 (MedMNIST v2, Scientific Data 10:41).
    """
    if not dataset or not re.fullmatch(r"\w+", dataset):
        raise DataError(
            f"data.dataset must be a name of MedMNIST's, such as bloodmnist, got {dataset!r}"
        )
    file = expand_root(root) / f"{dataset}.npz"
    if not file.exists():
        if not download:
            raise DataError(f"there is no {file}, and data.download is false: put the file there")
        _download_medmnist(dataset, file)
    return load_npz(str(file), grey, pad)


def _download_medmnist(dataset: str, file: Path) -> None:
    try:
        import medmnist
    except ModuleNotFoundError as error:
        raise DataError(
            f"there is no {file}: download {dataset}.npz from medmnist.com and put it there, or"
            " pip install 'gan-zoo[medmnist]' and try again"
        ) from error
    if dataset not in medmnist.INFO:
        raise DataError(
            f"data.dataset must be one of {', '.join(sorted(medmnist.INFO))}, got {dataset!r}"
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        make = getattr(medmnist, medmnist.INFO[dataset]["python_class"])
        make(split="train", download=True, root=str(file.parent))
    except (OSError, RuntimeError, AttributeError) as error:  # the last: its import failed
        raise DataError(
            f"cannot download {dataset} to {file} ({' '.join(str(error).split())}): put the file"
            " there by hand"
        ) from error


def read_arrays(path: Path, wanted: Collection[str], most: int) -> dict[str, Array]:
    """Read those of the wanted arrays that a .npz has, upper or lower case.

    Args:
        path: of the file.
        wanted: names in lower case.
        most: bytes of the whole file, unpacked.

    Raises:
        DataError: If the file is too large, damaged, or has arrays of objects.
    """
    try:
        with ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > most:
                raise ValueError(f"it may hold at most {most} bytes, got {size}")
        with np.load(path, allow_pickle=False) as content:
            found = {n.lower(): content[n] for n in content.files if n.lower() in wanted}
            return {name: array for name, array in found.items() if isinstance(array, np.ndarray)}
    except _READING_ERRORS as error:
        raise DataError(
            f"cannot read {path}: {' '.join(str(error).split())}. It must be a .npz of plain arrays"
            " of numbers, as numpy.savez(path, images=..., labels=...) writes it"
        ) from error


# raised by zipfile, zlib and numpy for damaged, encrypted and unknown content
_READING_ERRORS = (
    OSError, ValueError, EOFError, BadZipFile, zlib.error, RuntimeError, NotImplementedError,
    MemoryError,
)  # fmt: skip


def channels_first(images: Array, path: Path) -> Array:
    """Return images as (N, C, H, W).

    Raises:
        DataError: If there is none, or their shape is none of those of images.
    """
    if images.size == 0:
        raise DataError(f"{path} must hold at least one image, got shape {images.shape}")
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images
    if images.ndim == 4 and images.shape[3] in (1, 3):
        return images.transpose(0, 3, 1, 2)
    raise DataError(
        f"{path}: images must have shape (N, H, W), (N, C, H, W) or (N, H, W, C) with C 1 or 3, got"
        f" {images.shape}: transpose or reshape them"
    )


def _names(path: Path) -> list[str]:
    with np.load(path, allow_pickle=False) as content:
        return list(content.files)


def _as_bytes(images: dict[str, Array], path: Path) -> dict[str, NDArray[np.uint8]]:
    """Return all parts as bytes; what range their numbers are from is seen from all of them."""
    if all(array.dtype == np.uint8 for array in images.values()):
        return {name: array.astype(np.uint8) for name, array in images.items()}
    what = f"{path}: images must be bytes from 0 to 255, or finite numbers in [0, 1] or [-1, 1]"
    kinds = {array.dtype.kind for array in images.values()}
    if not kinds <= set("bf") and not kinds <= set("iu"):
        types = ", ".join(sorted({str(array.dtype) for array in images.values()}))
        raise DataError(f"{what}, got {types}: convert them")
    low = min(float(array.min()) for array in images.values())
    high = max(float(array.max()) for array in images.values())
    real = "f" in kinds or "b" in kinds
    if real and low >= 0 and high <= 1:
        scale, shift = 255.0, 0.0
    elif real and low >= -1 and high <= 1:
        scale, shift = 127.5, 127.5
    elif low >= 0 and high <= 255:
        scale, shift = 1.0, 0.0
    else:  # NaN and infinity too
        raise DataError(f"{what}, got numbers from {low:.6g} to {high:.6g}: rescale them")
    return {
        name: np.rint(array.astype(np.float32) * scale + shift).astype(np.uint8)
        for name, array in images.items()
    }


def _classes(labels: Array | None, count: int, what: str) -> list[str] | list[int]:
    """Return the class of each image as the file has it.

    Raises:
        DataError: If there is not one for each image, or they are not classes.
    """
    if labels is None:
        return ["all"] * count
    if labels.shape not in ((count,), (count, 1)):
        raise DataError(
            f"{what} must have one label for each of {count} images, shape ({count},) or"
            f" ({count}, 1), got {labels.shape}: choose one column, or take argmax(1) of one-hot"
            " labels"
        )
    labels = labels.reshape(-1)
    if labels.dtype.kind in "US":
        return [str(each) for each in labels.astype(str)]
    if labels.dtype.kind not in "iubf" or not bool(np.isfinite(labels).all()):
        raise DataError(
            f"{what} must be whole numbers or strings, got {labels.dtype}: convert them"
        )
    whole = labels.astype(np.int64)
    if (whole != labels).any() or int(whole.min()) < 0:
        raise DataError(
            f"{what} must be whole numbers from 0, got {labels.min():.6g} to {labels.max():.6g}:"
            " number the classes, and remove images without one"
        )
    return [int(each) for each in whole]
