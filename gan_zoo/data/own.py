"""Make a data set of a user's samples: classes are counted, parts are split off, sides padded."""

import re
import sys
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_zoo.data.dataset import VALIDATION_SHARE
from gan_zoo.data.idx import DataError, expand_root
from gan_zoo.data.random_streams import stream
from gan_zoo.types import Dataset, Split

MAX_BYTES = 4 * 2**30  # of all samples in memory
TEST_SHARE = VALIDATION_SHARE + 1  # then training, validation and test are 5 : 1 : 1
SIDE = 4  # the default networks take images whose sides are multiples of it
_SHOWN = 10  # classes named in the line on standard error


class Part(NamedTuple):
    """Samples of one part and their classes, as the user's files name them."""

    samples: NDArray[Any]  # (N, C, H, W) bytes or (N, D) float32
    classes: list[str] | list[int]


def given_path(key: str, given: str | None, what: str) -> Path:
    """Return the path of an option of the data, with ``~`` expanded.

    Raises:
        DataError: If it is not given, or nothing is there.
    """
    if not given:
        raise DataError(f"{key} must be {what}, but it is not given: add {key}=PATH")
    path = expand_root(given, key)
    if not path.exists():
        raise DataError(f"{key} must be {what}, but there is no {path.absolute()}")
    return path


def own_dataset(kind: str, path: Path, parts: dict[str, Part], *, pad: bool = False) -> Dataset:
    """Return a data set of the parts there are, and print what was found.

    Without a test part, a seventh of each class of the training part becomes it; without a
    validation part, a sixth of each class of what is left. The choice and the order of samples
    depend on the samples alone, not on the run's seed.

    Args:
        kind: first word of the data set's name, so that it is never that of a shipped one.
        path: of the data.
        parts: ``train``, and perhaps ``validation`` and ``test``.
        pad: whether to repeat the borders of images up to sides that are multiples of four.

    Raises:
        DataError: If a class has too few samples to be split, or is missing from training.
    """
    found = {str(name) for part in parts.values() for name in part.classes}
    numbers = all(name.isdecimal() for name in found)
    names = sorted(found, key=lambda name: (int(name) if numbers else 0, name))
    number = {name: place for place, name in enumerate(names)}
    splits = {
        name: _shuffled(_split(part, number, pad=pad), f"{kind}/{name}")
        for name, part in parts.items()
    }
    _check_counts(path, names, splits)
    train, test = splits["train"], splits.get("test")
    if test is None:
        train, test = _divided(train, TEST_SHARE)
    validation = splits.get("validation")
    if validation is None:
        train, validation = _divided(train, VALIDATION_SHARE)
    word = re.sub(r"\W+", "_", unicodedata.normalize("NFC", path.absolute().stem)).strip("_")
    dataset = Dataset(f"{kind}_{word or 'data'}", len(names), train, validation, test)
    _print_summary(path, dataset, names)
    return dataset


def check_memory(path: Path, needed: int, remedy: str) -> None:
    """Refuse samples that take more than ``MAX_BYTES``.

    Raises:
        DataError: with the sizes and the remedy.
    """
    if needed > MAX_BYTES:
        raise DataError(
            f"{path}: the samples may take at most {MAX_BYTES / 1e9:.3g} GB, as they are held in"
            f" memory, and they take {needed / 1e9:.3g} GB: {remedy}"
        )


def greyed(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images (N, 3, H, W) as grey ones (N, 1, H, W), with ITU-R 601's weights."""
    if images.shape[1] != 3:
        return images
    found = np.empty_like(images[:, :1])
    for source, target in zip(images, found, strict=True):
        red, green, blue = source.astype(np.uint32)
        target[0] = (19595 * red + 38470 * green + 7471 * blue + 2**15) >> 16
    return found


def _split(part: Part, number: dict[str, int], *, pad: bool) -> Split:
    samples = part.samples
    if pad and samples.ndim == 4:
        missing = [-side % SIDE for side in samples.shape[2:]]
        width = [(0, 0), (0, 0), *((count // 2, count - count // 2) for count in missing)]
        samples = np.pad(samples, width, mode="edge") if any(missing) else samples
    labels = torch.tensor([number[str(name)] for name in part.classes], dtype=torch.int64)
    return Split(torch.from_numpy(np.ascontiguousarray(samples)), labels)


def _shuffled(split: Split, purpose: str) -> Split:
    """Mix the classes, since pictures and held-out losses take the first samples of a part."""
    order = torch.randperm(len(split.labels), generator=stream(0, f"own data/{purpose}"))
    return Split(split.images[order], split.labels[order])


def _check_counts(path: Path, names: list[str], splits: dict[str, Split]) -> None:
    counts = splits["train"].labels.bincount(minlength=len(names)).tolist()
    missing = [part for part in ("validation", "test") if part not in splits]
    least = 1 + len(missing)
    few = [f"{name!r} has {count}" for name, count in zip(names, counts, strict=True) if not count]
    if few:
        raise DataError(
            f"{path}: every class needs training samples, but {_some(few)}: add some, or remove the"
            " class from the other parts"
        )
    few = [f"{n!r} has {c}" for n, c in zip(names, counts, strict=True) if c < least]
    if few:
        raise DataError(
            f"{path}: each of its {len(names)} classes needs at least {least} training samples,"
            f" since one goes to the {' and '.join(missing)} part, but {_some(few)}: add some,"
            " remove the class, or check that the labels are classes"
        )


def _divided(split: Split, share: int) -> tuple[Split, Split]:
    """Split off one ``share``-th of each class, at least one sample."""
    counts = split.labels.bincount()
    order = split.labels.argsort(stable=True)
    first = counts.cumsum(0) - counts
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order)) - first[split.labels[order]]
    off = rank < (counts // share).clamp(min=1)[split.labels]
    return _where(split, ~off), _where(split, off)


def _where(split: Split, mask: Tensor) -> Split:
    return Split(split.images[mask], split.labels[mask])


def _some(entries: list[str]) -> str:
    more = f" and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
    return ", ".join(entries[:_SHOWN]) + more


def _print_summary(path: Path, dataset: Dataset, names: list[str]) -> None:
    shape = "x".join(map(str, dataset.sample_shape))
    kind = "images" if len(dataset.sample_shape) == 3 else "points"
    renamed = [f"{place} = {name}" for place, name in enumerate(names) if str(place) != name]
    classes = f" ({_some(renamed)})" if renamed else ""
    sizes = ", ".join(f"{len(s.labels)} {n}" for n, s in dataset._asdict().items() if n in _PARTS)
    print(
        f"gan_zoo: {path}: {kind} of {shape}; {sizes}; number of classes: {len(names)}{classes}",
        file=sys.stderr,
    )


_PARTS = ("train", "validation", "test")
