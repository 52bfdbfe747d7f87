"""Data sets that torchvision downloads and reads: MNIST's relatives, CIFAR-10 and SVHN."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchvision import datasets  # type: ignore[import-untyped]  # has no stubs

from gan_zoo.data.fashion_mnist import idx_folder, read_fashion_mnist
from gan_zoo.data.idx import DataError, expanded
from gan_zoo.data.splits import hold_out
from gan_zoo.types import Dataset, Split

DEFAULT_ROOT = "~/.cache/gan_zoo"


class Source(NamedTuple):
    """How torchvision reads one data set, and where in the root it looks."""

    read: Callable[[Path, bool, bool], Split]  # root, train, download
    num_classes: int
    files: str  # what a user without network has to put into the root


def load_torchvision(dataset: str, root: str = DEFAULT_ROOT, download: bool = True) -> Dataset:
    """One of torchvision's data sets as bytes (N, C, H, W), labels from 0.

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
        download: whether to fetch what is not there.

    Raises:
        ValueError: an unknown name.
        DataError: the files are missing or damaged, or the download failed.

    Fashion-MNIST is also read where its plain idx files lie: in the root itself, or where Debian's
    package dataset-fashion-mnist puts them; each file's content is verified.

    The validation part is the last sixth of the training images.
    """
    if dataset not in SOURCES:
        raise ValueError(f"dataset is {dataset!r}; allowed: {', '.join(SOURCES)}")
    source = SOURCES[dataset]
    try:
        folder = expanded(root)
    except DataError:
        folder = Path(root)
        if dataset != "fashion_mnist" or idx_folder(folder) is None:  # Debian's need no home
            raise
    try:
        training = _checked(source.read(folder, True, download), source.num_classes)
        test = _checked(source.read(folder, False, download), source.num_classes)
    except DataError:
        raise  # it tells file and remedy already
    except _READING_ERRORS as error:
        reason = " ".join(
            f"{type(error).__name__}: {error}".split()
        )  # torchvision's has many lines
        attempt = "and could not be downloaded" if download else "and data.download is false"
        raise DataError(
            f"{dataset}: not readable in {folder} {attempt} ({reason}). "
            f"Expected there: {source.files}. Put these files there, delete damaged ones, "
            "or give another folder as data.root"
        ) from error
    return hold_out(dataset, source.num_classes, training, test)


# what torchvision's readers raise at missing, cut and garbled files, and at a failing network
_READING_ERRORS = (
    RuntimeError,
    OSError,
    EOFError,
    AssertionError,
    ValueError,
    TypeError,
    KeyError,
    pickle.UnpicklingError,
)


def _checked(split: Split, num_classes: int) -> Split:
    images, labels = split
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels")
    if int(labels.min()) < 0 or int(labels.max()) >= num_classes:
        raise ValueError(f"labels from {int(labels.min())} to {int(labels.max())}")
    return split


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
    return _gray(data.data, data.targets[:, 0])  # the other columns tell writer and origin


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
