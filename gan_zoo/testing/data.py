"""What every data set has to fulfil."""

from collections.abc import Callable

from gan_zoo.data.dataset import check_dataset, dataset_fingerprint
from gan_zoo.testing.contracts import UntouchedStream, hold, require
from gan_zoo.types import Dataset

Loader = Callable[[], Dataset]


def check_data(load: Loader) -> None:
    """Hold a data set to ``interfaces.Dataset``.

    Three parts of bytes (N, C, H, W) or points (N, D) with labels, every class among the training
    samples, the same data each time, and torch's global random stream left as it is.

    Args:
        load: gives the data set; arguments are bound with ``functools.partial``.

    Raises:
        AssertionError: naming the broken contract.
    """
    made = getattr(load, "func", load)
    hold(getattr(made, "__name__", type(made).__name__), load, CONTRACTS)


def is_a_data_set(load: Loader) -> None:
    """Types, shapes and labels of all three parts."""
    dataset = load()
    require(isinstance(dataset, Dataset), f"it gives {type(dataset).__name__}; allowed: a Dataset")
    check_dataset(dataset)


def has_samples_of_every_class(load: Loader) -> None:
    """Labels are asked of the generator evenly: it must have seen each."""
    dataset = load()
    counts = dataset.train.labels.bincount(minlength=dataset.num_classes)
    empty = [number for number, count in enumerate(counts.tolist()) if count == 0]
    require(not empty, f"no training sample is of class {', '.join(map(str, empty))}")


def is_the_same_each_time(load: Loader) -> None:
    """By a seed of its own: neither torch's global stream nor the clock decides."""
    stream = UntouchedStream()
    first, again = dataset_fingerprint(load()), dataset_fingerprint(load())
    require(
        stream.holds(),
        "it draws from torch's global random stream: use gan_zoo.data.random_streams.stream",
    )
    require(first == again, "loaded twice, it holds other data: give it a seed of its own")


CONTRACTS = (is_a_data_set, has_samples_of_every_class, is_the_same_each_time)
