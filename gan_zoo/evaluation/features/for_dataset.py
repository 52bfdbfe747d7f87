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

from gan_zoo.data.batches import BatchStream, normalise, to_device
from gan_zoo.data.fingerprint import dataset_fingerprint
from gan_zoo.data.random_streams import global_stream, stream
from gan_zoo.evaluation.features.cnn import SMALLEST, FeatureCNN
from gan_zoo.evaluation.features.extractor import (
    DATA_SETS,
    SHIPPED,
    FeatureNetwork,
    load_extractor,
    state_sha256,
)
from gan_zoo.evaluation.features.fit import augment, fit, mirror
from gan_zoo.evaluation.features.stacked import load_stacked_extractor
from gan_zoo.runs.cache import cache_path, is_there, keep
from gan_zoo.types import Batch, Dataset, Split

BATCH_SIZE = 100
EPOCHS = 5  # on first use; shipped networks are trained longer
RECIPE = 1  # a part of the file's name; to be raised when training changes
# Things are as good mirrored, digits and letters are not; whatever is not known is taken for these.
THINGS = ("fashion_mnist", "cifar10")


def extractor_for(dataset: Dataset, device: torch.device | str = "cpu") -> FeatureNetwork | None:
    """The feature network for ``dataset``: shipped, from the cache, or trained now and cached.

    None if there can be none, for which ``unmeasurable`` has the reason. A cache that cannot be
    written to, or whose file is damaged, is told on standard error and is no obstacle. Training is
    deterministic for one machine and thread count, and moves no stream.

    Raises:
        WeightsError: a shipped network's file is not the pinned one.
    """
    kind = (tuple(dataset.sample_shape), dataset.num_classes)
    shipped = DATA_SETS.get(dataset.name)
    if shipped is not None and kind == _takes(shipped):  # not others' images under that name
        return load_extractor(shipped, device)
    if dataset.name == "stacked_mnist" and kind[0] == (3, 28, 28):
        return load_stacked_extractor(device)
    if unmeasurable(dataset) is not None:
        return None
    path = _cache_path(dataset)
    network = _cached(path, dataset)
    if network is None:
        kept = "" if path is None else f"; kept as {path}"
        _tell(f"training a feature network for {dataset.name}, once: {EPOCHS} epochs{kept}")
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
    size_of_batch = min(BATCH_SIZE, len(dataset.train.labels))
    batches = BatchStream(dataset.train, size_of_batch, stream(seed, "features/order", device))
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


def unmeasurable(dataset: Dataset) -> str | None:
    """Return why no feature network can be had for a data set, and what to do; None if one can."""
    shape = tuple(dataset.sample_shape)
    own = "give a network of your own as evaluation.extractor"
    if len(shape) != 3:
        return f"{dataset.name} holds points, and only those of the ring and the grid have metrics"
    if dataset.num_classes < 2:
        return f"{dataset.name} has a single class, which no classifier can be trained on: {own}"
    if shape[1] != shape[2] or shape[1] < SMALLEST:
        return (
            f"the images of {dataset.name} are {shape[1]}x{shape[2]} pixels, and the feature"
            f" network takes square ones of {SMALLEST}x{SMALLEST} or more: pad or crop them, or"
            f" {own}"
        )
    return None


def _takes(name: str) -> tuple[tuple[int, int, int], int]:
    """Shape and number of classes of the images that a shipped network knows."""
    pinned = SHIPPED[name]
    return (pinned.channels, pinned.size, pinned.size), pinned.num_classes


def _cache_path(dataset: Dataset) -> Path | None:
    fingerprint = str(dataset_fingerprint(dataset)["sha256"])[:16]
    file = f"{_word(dataset.name)}-{fingerprint}-v{RECIPE}.safetensors"
    return cache_path("features", file)


def _word(name: str) -> str:
    """Letters, digits and _ alone, as names of metrics and files need."""
    return re.sub(r"\W", "_", name)


def _cached(path: Path | None, dataset: Dataset) -> FeatureCNN | None:
    """The network in the file, if the weights are those that were written."""
    if path is None or not is_there(path):
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


def _keep(path: Path | None, network: FeatureCNN) -> None:
    content = save(network.state_dict(), metadata={"sha256": state_sha256(network)})
    keep(path, content, "the feature network cannot be kept and the next run will train it again")


def _tell(line: str) -> None:
    print(f"gan_zoo: {line}", file=sys.stderr)
