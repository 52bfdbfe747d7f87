"""Data sets that torchvision downloads and reads: variants of MNIST, CIFAR-10 and SVHN."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchvision import datasets  # type: ignore[import-untyped]  # has no stubs

from gan_zoo.data.dataset import hold_out
from gan_zoo.data.idx import SUFFIXES, DataError, IdxFile, expand_root, read_split
from gan_zoo.types import Dataset, Split

DEFAULT_ROOT = "~/.cache/gan_zoo"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
FASHION_TRAIN = (
    IdxFile(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    IdxFile(
        "train-labels-idx1-ubyte",
        (60_000,),
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
)
FASHION_TEST = (
    IdxFile(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    IdxFile(
        "t10k-labels-idx1-ubyte",
        (10_000,),
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)


class Source(NamedTuple):
    """How to read one data set, and the files it needs."""

    read: Callable[[Path, bool, bool], Split]  # root, train, download
    num_classes: int
    files: str  # which a user without network has to put into the root


def load_torchvision(dataset: str, root: str = DEFAULT_ROOT, download: bool = True) -> Dataset:
    """Load one of torchvision's data sets as bytes (N, C, H, W), labels from 0.

    ==================  =========  =======  =====================================================
    fashion_mnist       1×28×28    10       clothes
    kmnist              1×28×28    10       cursive Japanese
    qmnist              1×28×28    10       MNIST rebuilt; all 60,000 test images
    emnist_digits       1×28×28    10       240,000 digits, turned upright
    emnist_letters      1×28×28    26       a-z in either case, turned upright, labels from 0
    cifar10             3×32×32    10       photographs
    svhn                3×32×32    10       house numbers, the "train" and "test" parts
    ==================  =========  =======  =====================================================

    Args:
        dataset: a name from the table.
        root: the folder that torchvision reads from and downloads to; ``~`` is the home folder.
        download: whether to download missing files.

    Raises:
        ValueError: If the name is unknown.
        DataError: If files are missing or damaged, or the download failed.

    Fashion-MNIST is also read from plain idx files in the root itself, or from Debian's package
    dataset-fashion-mnist; each file's content is verified.

    The validation part is the last sixth of the training images.
    """
    if dataset not in SOURCES:
        raise ValueError(f"dataset must be one of {', '.join(SOURCES)}, got {dataset!r}")
    source = SOURCES[dataset]
    try:
        folder = expand_root(root)
    except DataError:
        folder = Path(root)
        if dataset != "fashion_mnist" or idx_folder(folder) is None:  # Debian's need no home
            raise
    try:
        training = _checked(source.read(folder, True, download), source.num_classes)
        test = _checked(source.read(folder, False, download), source.num_classes)
    except DataError:
        raise  # it names file and remedy
    except _READING_ERRORS as error:
        # torchvision's messages have many lines
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        attempt = "and could not be downloaded" if download else "and data.download is false"
        raise DataError(
            f"cannot read {dataset} in {folder} {attempt} ({reason}). Expected there:"
            f" {source.files}. Put these files there, delete damaged ones, or give another folder"
            " as data.root"
        ) from error
    return hold_out(dataset, source.num_classes, training, test)


# raised by torchvision's readers for missing, truncated and damaged files, and without network
_READING_ERRORS = (
    RuntimeError, OSError, EOFError, AssertionError, ValueError, TypeError, KeyError,
    pickle.UnpicklingError,
)  # fmt: skip


def _checked(split: Split, num_classes: int) -> Split:
    images, labels = split
    if len(images) != len(labels):
        raise ValueError(f"got {len(images)} images but {len(labels)} labels")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise ValueError(f"labels must be from 0 to {num_classes - 1}, got {low} to {high}")
    return split


def idx_folder(root: Path) -> Path | None:
    """Return the folder of Fashion-MNIST's idx files: ``root`` if it has any, else Debian's.

    None if there is neither, or if torchvision's own folder in ``root`` has all files; a failed
    download leaves that folder empty or with a few.
    """
    raw = root / "FashionMNIST" / "raw"
    if all((raw / file.stem).is_file() for file in (*FASHION_TRAIN, *FASHION_TEST)):
        return None
    for folder in (root, DEBIAN):
        if any((folder / f"{FASHION_TRAIN[0].stem}{suffix}").is_file() for suffix in SUFFIXES):
            return folder
    return None


def read_fashion_mnist(folder: Path, train: bool) -> Split:
    """Read the 60,000 training or 10,000 test images as bytes (N, 1, 28, 28), and their labels.

    Raises:
        DataError: If a file is missing, damaged or not Fashion-MNIST's.

    Source: Xiao, Rasul, Vollgraf 2017 (arXiv 1708.07747).
    """
    remedy = (
        "Give as data.root the folder of Fashion-MNIST's four idx files (raw, .gz or .xz), or an "
        "empty one to download them to; Debian's come with apt install dataset-fashion-mnist."
    )
    return read_split(folder, FASHION_TRAIN if train else FASHION_TEST, remedy)


def _fashion_mnist(root: Path, train: bool, download: bool) -> Split:
    folder = idx_folder(root)
    if folder is not None:
        return read_fashion_mnist(folder, train)
    data = datasets.FashionMNIST(root, train=train, download=download)
    return _gray(data.data, data.targets)


def _kmnist(root: Path, train: bool, download: bool) -> Split:
    data = datasets.KMNIST(root, train=train, download=download)
    return _gray(data.data, data.targets)


def _qmnist(root: Path, train: bool, download: bool) -> Split:
    data = datasets.QMNIST(root, train=train, download=download)
    return _gray(data.data, data.targets[:, 0])  # the other columns are writer and origin


def _emnist_digits(root: Path, train: bool, download: bool) -> Split:
    data = datasets.EMNIST(root, "digits", train=train, download=download)
    return _gray(data.data.transpose(1, 2), data.targets)  # stored column by column


def _emnist_letters(root: Path, train: bool, download: bool) -> Split:
    data = datasets.EMNIST(root, "letters", train=train, download=download)
    return _gray(data.data.transpose(1, 2), data.targets - 1)  # a is 1 in the files


def _cifar10(root: Path, train: bool, download: bool) -> Split:
    data = datasets.CIFAR10(root, train=train, download=download)
    images = torch.from_numpy(np.asarray(data.data)).permute(0, 3, 1, 2)
    return Split(images.contiguous(), torch.tensor(data.targets, dtype=torch.int64))


def _svhn(root: Path, train: bool, download: bool) -> Split:
    data = datasets.SVHN(root, split="train" if train else "test", download=download)
    labels = torch.from_numpy(np.asarray(data.labels)).to(torch.int64)
    return Split(torch.from_numpy(np.ascontiguousarray(data.data)), labels)


def _gray(images: Tensor, labels: Tensor) -> Split:
    return Split(images.unsqueeze(1).contiguous(), labels.to(torch.int64))


_IDX_FILES = "the four idx files, decompressed, in {}/raw"
SOURCES = {
    "fashion_mnist": Source(_fashion_mnist, 10, _IDX_FILES.format("FashionMNIST")),
    "kmnist": Source(_kmnist, 10, _IDX_FILES.format("KMNIST")),
    "qmnist": Source(
        _qmnist, 10, "qmnist-{train,test}-images-idx3-ubyte and -labels-idx2-int in QMNIST/raw"
    ),
    "emnist_digits": Source(
        _emnist_digits,
        10,
        "emnist-digits-{train,test}-{images-idx3,labels-idx1}-ubyte in EMNIST/raw",
    ),
    "emnist_letters": Source(
        _emnist_letters,
        26,
        "emnist-letters-{train,test}-{images-idx3,labels-idx1}-ubyte in EMNIST/raw",
    ),
    "cifar10": Source(_cifar10, 10, "the folder cifar-10-batches-py of cifar-10-python.tar.gz"),
    "svhn": Source(_svhn, 10, "train_32x32.mat and test_32x32.mat"),
}
