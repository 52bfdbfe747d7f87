"""Train a feature network: ``python -m gan_zoo.features.train data=mnist``.

Options, each ``key=value``: ``data`` (mnist), ``out`` (where the weights go; a file that ends in
.safetensors), ``epochs`` (15), ``seed`` (0), ``threads`` (1), ``root`` (a folder of the data set's
files). It trains on the training part (MNIST: 50,000 images), picks the epoch by the validation
part, and looks at the test part once, at the end. The same seed, thread count and torch build give
the same weights. Prints the test accuracy and the sha256 to pin.
"""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save

from gan_zoo.data.batches import BatchStream, normalise
from gan_zoo.data.mnist import load_mnist
from gan_zoo.features.cnn import FeatureCNN
from gan_zoo.features.fit import accuracy, fit
from gan_zoo.interfaces import Batch, Dataset, Split
from gan_zoo.records import write_bytes
from gan_zoo.seeding import global_stream, stream

BATCH_SIZE = 100
LOADERS = {"mnist": load_mnist}


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    data: str = "mnist"
    out: str = ""  # empty: DATA.safetensors in the current folder
    epochs: int = 15
    seed: int = 0
    threads: int = 1
    root: str = ""  # empty: the data set's own place

    def __post_init__(self) -> None:
        if self.data not in LOADERS:
            raise ValueError(f"data is {self.data!r}; allowed: {', '.join(LOADERS)}")
        for name, least in (("epochs", 1), ("threads", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; allowed: {least} or more")


def parse(arguments: Sequence[str]) -> Options:
    """Options from ``key=value`` words.

    Raises:
        ValueError: a word that is no ``key=value``, an unknown key, a value that is not allowed.
    """
    types = {key: type(value) for key, value in asdict(Options()).items()}
    values = {}
    for word in arguments:
        key, equals, value = word.partition("=")
        if not equals or key not in types:
            raise ValueError(f"{word!r} is no option; allowed: {', '.join(types)}, as key=value")
        try:
            values[key] = types[key](value)
        except ValueError as error:
            raise ValueError(f"{key} is {value!r}; allowed: a whole number") from error
    return Options(**values)


def train(dataset: Dataset, options: Options) -> FeatureCNN:
    """A network trained on ``dataset.train``, its epoch chosen by ``dataset.validation``."""
    channels, size, _ = dataset.sample_shape
    batches = BatchStream(dataset.train, BATCH_SIZE, stream(options.seed, "features/order"))
    with global_stream(options.seed, "features/weights and dropout"):
        network = FeatureCNN(channels, size, dataset.num_classes)
        fit(
            network,
            batches.next,
            batches.batches_per_epoch,
            _whole(dataset.validation),
            options.epochs,
            stream(options.seed, "features/augmentation"),
            print,
        )
    return network


def main(arguments: Sequence[str]) -> int:
    """Train, save, and print test accuracy and checksum; the exit code."""
    try:
        options = parse(arguments)
        dataset = LOADERS[options.data](options.root or None)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    torch.set_num_threads(options.threads)
    network = train(dataset, options)
    content = save(network.state_dict())
    path = Path(options.out or f"{options.data}.safetensors")
    write_bytes(path, content)
    print(f"test accuracy {accuracy(network, _whole(dataset.test)):.4f}")
    print(f"{path}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


def _whole(split: Split) -> Batch:
    return Batch(normalise(split.images), split.labels)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
