"""Features of real images, kept in the cache folder from one process to the next.

They are most of what a short run takes to measure: MNIST's 70,000 images, six seconds on two cores.
Only those by networks of this package are kept: the checksum of a user's own tells its weights, not
its code. Numbers of all runs on a machine come from the same bits, whoever computed them.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor

from gan_zoo import __version__
from gan_zoo.evaluation.features.cnn import Features
from gan_zoo.evaluation.features.extractor import SHIPPED, FeatureNetwork
from gan_zoo.runs.cache import cache_path, is_there, keep
from gan_zoo.runs.weights import CheckpointError, read_weights, to_safetensors

_OURS = {shipped.sha256 for shipped in SHIPPED.values()}


def kept_path(extractor: object, sha256: str, split: str) -> Path | None:
    """Where these features are kept; None if they are not, or there is no cache folder.

    Args:
        extractor: the feature network.
        sha256: the data set's fingerprint.
        split: which part of it.
    """
    if not isinstance(extractor, FeatureNetwork) or extractor.sha256 not in _OURS:
        return None
    # what rounds otherwise has features of its own
    kind = extractor.device.type
    capability = torch.backends.cpu.get_cpu_capability() if kind == "cpu" else "float32"
    versions = f"{__version__}-{torch.__version__}-{kind}-{capability}".replace("+", "-")
    name = f"{extractor.sha256[:16]}-{sha256[:16]}-{split}-{versions}.safetensors"
    return cache_path("real_features", name)


def read_features(path: Path | None, count: int) -> Features | None:
    """What ``keep_features`` wrote; None if there is none, or (told) damaged or of other images."""
    if path is None or not is_there(path):
        return None
    try:
        found = read_weights(path)
        features, logits = found["features"], found["logits"]
        if not len(features) == len(logits) == count:
            raise ValueError(f"it holds {len(features)} images, not {count}")
    except (CheckpointError, KeyError, ValueError) as error:
        print(f"gan_zoo: {path} is damaged ({error!r}): computing anew", file=sys.stderr)
        return None
    return Features(features, logits)


def keep_features(path: Path | None, features: Features) -> None:
    """Write them for the next process; a cache that cannot be written is told."""
    if path is None:
        return
    content = to_safetensors({name: each.cpu() for name, each in features._asdict().items()})
    keep(path, content, "features of real images will be computed anew in each process")


def read_kept(path: Path | None) -> Tensor | None:
    """Return what ``keep_tensor`` wrote; None if there is none, or (told) damaged."""
    if path is None or not is_there(path):
        return None
    try:
        return read_weights(path)["values"]
    except (CheckpointError, KeyError) as error:
        print(f"gan_zoo: {path} is damaged ({error!r}): computing it again", file=sys.stderr)
        return None


def keep_tensor(path: Path | None, values: Tensor) -> None:
    """Write a tensor that depends on real images alone for the next process."""
    if path is not None:
        content = to_safetensors({"values": values.cpu()})
        keep(path, content, "what metrics need of real images will be computed in each process")
