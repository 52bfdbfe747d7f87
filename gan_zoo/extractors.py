"""The feature network that measures a data set: shipped with the package, or trained on first use.

A trained one is kept in the cache folder (``$GAN_ZOO_CACHE`` or ``~/.cache/gan_zoo``), in
``features``, under the data set's name and fingerprint, so that all runs on the same data are
measured by the same network.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from gan_zoo.cache import cache_folder, keep
from gan_zoo.data.batches import BatchStream, normalise, to_device
from gan_zoo.data.fingerprint import dataset_fingerprint
from gan_zoo.features.cnn import SMALLEST, FeatureCNN
from gan_zoo.features.extractor import (
    DATA_SETS,
    FeatureNetwork,
    load_extractor,
    state_sha256,
)
from gan_zoo.features.fit import augment, fit, mirror
from gan_zoo.features.stacked import load_stacked_extractor
from gan_zoo.interfaces import Batch, Dataset, Split
from gan_zoo.seeding import global_stream, stream

BATCH_SIZE = 100
EPOCHS = 5  # on first use; shipped networks are trained longer
RECIPE = 1  # a part of the file's name; to be raised when training changes
# Things are as good mirrored, digits and letters are not; whatever is not known is taken for these.
THINGS = ("fashion_mnist", "cifar10")


def extractor_for(dataset: Dataset, device: torch.device | str = "cpu") -> FeatureNetwork | None:
    """The feature network for ``dataset``: shipped, from the cache, or trained now and cached.

    None if there can be none: points, images below 16 pixels or not square, a single class. A cache
    that cannot be written to, or whose file is damaged, is told on standard error and is no
    obstacle. Training is deterministic for one machine and thread count, and moves no stream.

    Raises:
        WeightsError: a shipped network's file is not the pinned one.
    """
    shipped = DATA_SETS.get(dataset.name)
    if shipped is not None:
        return load_extractor(shipped, device)
    if dataset.name == "stacked_mnist":
        return load_stacked_extractor(device)
    if not _trainable(dataset):
        return None
    path = _cache_path(dataset)
    network = _cached(path, dataset)
    if network is None:
        _tell(
            f"training a feature network for {dataset.name}, once: {EPOCHS} epochs; kept as {path}"
        )
        network = train_network(to_device(dataset, device), EPOCHS, 0, lambda line: None)
        _keep(path, network)
    name, sha256 = f"{_word(dataset.name)}cnn", state_sha256(network)
    shape = tuple(dataset.sample_shape)
    return FeatureNetwork(name, sha256, network, image_shape=shape, device=device)


def train_network(
    dataset: Dataset, epochs: int, seed: int, report: Callable[[str], None]
) -> FeatureCNN:
    """A network trained on ``dataset.train``, its epoch chosen by ``dataset.validation``.

    Args:
        dataset: of square images, on the device to train on.
        epochs: passes over the training part.
        seed: of weights, order, dropout and augmentation, from streams of their own.
        report: gets a line after each epoch.
    """
    channels, size, _ = dataset.sample_shape
    device = dataset.train.images.device
    batches = BatchStream(dataset.train, BATCH_SIZE, stream(seed, "features/order", device))
    with global_stream(seed, "features/weights and dropout"):
        network = FeatureCNN(channels, size, dataset.num_classes).to(device)
        fit(
            network,
            batches.next,
            batches.batches_per_epoch,
            whole(dataset.validation),
            epochs,
            stream(seed, "features/augmentation", device),
            report,
            mirror if dataset.name in THINGS else augment,
        )
    return network


def whole(split: Split) -> Batch:
    """All of a split as one batch."""
    return Batch(normalise(split.images), split.labels)


def _trainable(dataset: Dataset) -> bool:
    shape = dataset.sample_shape
    square = len(shape) == 3 and shape[1] == shape[2] >= SMALLEST
    return square and dataset.num_classes > 1


def _cache_path(dataset: Dataset) -> Path:
    fingerprint = str(dataset_fingerprint(dataset)["sha256"])[:16]
    file = f"{_word(dataset.name)}-{fingerprint}-v{RECIPE}.safetensors"
    return cache_folder() / "features" / file


def _word(name: str) -> str:
    """Letters, digits and _ alone, as names of metrics and files need."""
    return re.sub(r"\W", "_", name)


def _cached(path: Path, dataset: Dataset) -> FeatureCNN | None:
    """The network in the file, if the weights are those that were written."""
    if not path.exists():
        return None
    channels, size, _ = dataset.sample_shape
    with torch.random.fork_rng():  # the weights drawn here are overwritten
        network = FeatureCNN(channels, size, dataset.num_classes)
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            network.load_state_dict({name: file.get_tensor(name) for name in names})
            promised = (file.metadata() or {}).get("sha256")
    except (OSError, SafetensorError, RuntimeError) as error:
        _tell(f"{path} is damaged ({error}): training anew")
        return None
    if promised != state_sha256(network):
        _tell(f"{path} is damaged (its weights have another sha256): training anew")
        return None
    return network


def _keep(path: Path, network: FeatureCNN) -> None:
    content = save(network.state_dict(), metadata={"sha256": state_sha256(network)})
    keep(path, content, "the feature network cannot be kept and the next run will train it again")


def _tell(line: str) -> None:
    print(f"gan_zoo: {line}", file=sys.stderr)
