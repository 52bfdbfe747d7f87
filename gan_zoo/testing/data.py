"""The contracts of a data set."""

from collections.abc import Callable

from gan_zoo.data.dataset import check_dataset, dataset_fingerprint
from gan_zoo.testing.contracts import GlobalStreamWatch, check, name_of, require
from gan_zoo.types import Dataset

Loader = Callable[[], Dataset]


def check_data(load: Loader) -> None:
    """Check that a data set is a ``gan_zoo.types.Dataset``.

    Three parts of bytes (N, C, H, W) or points (N, D) with labels, every class among the training
    samples, the same data each time, and no draw from torch's global random stream.

    Args:
        load: returns the data set; bind arguments with ``functools.partial``.

    Raises:
        AssertionError: names the broken contract.
    """
    check(name_of(load), load, CONTRACTS)


def is_a_data_set(load: Loader) -> None:
    """Check types, shapes and labels of all three parts."""
    dataset = load()
    require(isinstance(dataset, Dataset), f"it must be a Dataset, got {type(dataset).__name__}")
    check_dataset(dataset)


def has_samples_of_every_class(load: Loader) -> None:
    """Check that the generator, which is given every label, is shown a sample of each."""
    dataset = load()
    counts = dataset.train.labels.bincount(minlength=dataset.num_classes)
    empty = [number for number, count in enumerate(counts.tolist()) if count == 0]
    require(not empty, f"no training sample has class {', '.join(map(str, empty))}")


def is_the_same_each_time(load: Loader) -> None:
    """Check that its random numbers have a seed of their own."""
    watch = GlobalStreamWatch()
    first, second = dataset_fingerprint(load()), dataset_fingerprint(load())
    require(
        watch.unchanged(),
        "it draws from torch's global random stream: use gan_zoo.data.random_streams.stream",
    )
    require(first == second, "loaded twice, it has different data: give it a seed of its own")


CONTRACTS = (is_a_data_set, has_samples_of_every_class, is_the_same_each_time)
