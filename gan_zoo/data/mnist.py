"""MNIST, bundled: all 70,000 images, loaded and verified without network."""

from pathlib import Path

from gan_zoo.data.dataset import hold_out
from gan_zoo.data.idx import IdxFile, expand_root, read_split
from gan_zoo.types import Dataset, Split

BUNDLED = Path(__file__).parent / "files" / "mnist"
TRAIN = (
    IdxFile(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    IdxFile(
        "train-labels-idx1-ubyte",
        (60_000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
)
TEST = (
    IdxFile(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    IdxFile(
        "t10k-labels-idx1-ubyte",
        (10_000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)


def load_mnist(root: str | None = None, train: int | None = None) -> Dataset:
    """Load MNIST: 50,000 training, 10,000 validation and 10,000 test images, 1×28×28 bytes.

    Args:
        root: a folder with MNIST's four idx files under their usual names, raw, .gz or .xz;
            None for the bundled ones.
        train: keep only the first so many training images; None keeps all.

    Raises:
        DataError: If a file is missing, damaged or not MNIST's.
        ValueError: If there are fewer training images than ``train``.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
    The validation part is the last 10,000 training images.
    """
    if root is None:
        folder = BUNDLED
        remedy = "Reinstall gan_zoo, or give the folder of your own MNIST files as data.root."
    else:
        folder = expand_root(root)
        remedy = "Put MNIST's idx file there, or leave data.root out to use the bundled files."
    training, test = (read_split(folder, files, remedy) for files in (TRAIN, TEST))
    dataset = hold_out("mnist", 10, training, test)
    if train is None:
        return dataset
    count = len(dataset.train.labels)
    if not 1 <= train <= count:
        raise ValueError(f"data.train is {train}; allowed: 1 to {count:,} training images, or null")
    few = Split(dataset.train.images[:train], dataset.train.labels[:train])
    return dataset._replace(train=few)
