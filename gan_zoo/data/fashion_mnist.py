"""Fashion-MNIST's four idx files, where they lie on disk already: a user's folder or Debian's."""

from pathlib import Path

from gan_zoo.data.idx import SUFFIXES, IdxFile, read_idx
from gan_zoo.types import Split

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
TRAIN_IMAGES = IdxFile(
    "train-images-idx3-ubyte",
    (60_000, 28, 28),
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
)
TRAIN_LABELS = IdxFile(
    "train-labels-idx1-ubyte",
    (60_000,),
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
)
TEST_IMAGES = IdxFile(
    "t10k-images-idx3-ubyte",
    (10_000, 28, 28),
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
)
TEST_LABELS = IdxFile(
    "t10k-labels-idx1-ubyte",
    (10_000,),
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)


def idx_folder(root: Path) -> Path | None:
    """The folder to read with no download: ``root`` if it holds idx files, else Debian's.

    None if there is neither, or if torchvision's own folder in ``root`` has all files; a download
    that failed leaves that folder empty or with a few.
    """
    raw = root / "FashionMNIST" / "raw"
    if all(
        (raw / file.stem).is_file()
        for file in (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
    ):
        return None
    for folder in (root, DEBIAN):
        if any((folder / f"{TRAIN_IMAGES.stem}{suffix}").is_file() for suffix in SUFFIXES):
            return folder
    return None


def read_fashion_mnist(folder: Path, train: bool) -> Split:
    """The 60,000 training or 10,000 test images as bytes (N, 1, 28, 28), and their labels.

    Raises:
        DataError: a file is missing, damaged, or not Fashion-MNIST's.

    Source: Xiao, Rasul, Vollgraf 2017 (arXiv 1708.07747).
    """
    images, labels = (TRAIN_IMAGES, TRAIN_LABELS) if train else (TEST_IMAGES, TEST_LABELS)
    remedy = (
        "Give as data.root the folder of Fashion-MNIST's four idx files (raw, .gz or .xz), or an "
        "empty one to download them to; Debian's come with apt install dataset-fashion-mnist."
    )
    return Split(
        read_idx(folder, images, remedy).unsqueeze(1), read_idx(folder, labels, remedy).long()
    )
