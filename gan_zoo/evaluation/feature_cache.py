"""Features of real images in the cache folder, for later processes.

Computing them takes most of the evaluation of a short run: six seconds on two cores for MNIST's
70,000 images. Only features by this package's own networks are cached, since the checksum of a
user's network covers its weights, but not its code. All runs on a machine read the same bits.
"""

import re
import sys
from pathlib import Path

import torch
from torch import Tensor

from gan_zoo import __version__
from gan_zoo.evaluation.features.extractor import SHIPPED, FeatureNetwork
from gan_zoo.runs.cache import cache_path, is_there, keep
from gan_zoo.runs.weights import CheckpointError, read_weights, to_safetensors

_OURS = {shipped.sha256 for shipped in SHIPPED.values()}


def feature_path(extractor: object, sha256: str, what: str) -> Path | None:
    """Return the file of these features; None if they are not cached, or there is no folder.

    Args:
        extractor: the feature network.
        sha256: the data set's fingerprint.
        what: a split, or what a metric derives from one.
    """
    if not isinstance(extractor, FeatureNetwork) or extractor.sha256 not in _OURS:
        return None
    # hardware and versions that round differently have files of their own
    kind = extractor.device.type
    if kind == "cuda":
        model = f"{torch.cuda.get_device_name(extractor.device)}-{torch.version.cuda}"
    else:
        model = torch.backends.cpu.get_cpu_capability() if kind == "cpu" else "float32"
    versions = re.sub(r"[^\w.]+", "-", f"{__version__}-{torch.__version__}-{kind}-{model}")
    name = f"{extractor.sha256[:16]}-{sha256[:16]}-{what}-{versions}.safetensors"
    return cache_path("real_features", name)


def read_tensors(
    path: Path | None, names: tuple[str, ...], rows: int | None = None
) -> list[Tensor] | None:
    """Read tensors by name; None if there is no file, or (with a warning) an unusable one.

    Args:
        path: of the file.
        names: of the tensors.
        rows: that every tensor must have, if known.
    """
    if path is None or not is_there(path):
        return None
    try:
        content = read_weights(path)
        found = [content[name] for name in names]
        for tensor in found:
            if rows is not None and len(tensor) != rows:
                raise ValueError(f"it holds {len(tensor)} images, not {rows}")
    except (CheckpointError, KeyError, ValueError) as error:
        print(f"gan_zoo: {path} is damaged ({error!r}): computing it again", file=sys.stderr)
        return None
    return found


def write_tensors(path: Path | None, tensors: dict[str, Tensor]) -> None:
    """Write tensors for later processes; if that is impossible, print a warning."""
    if path is not None:
        content = to_safetensors({name: each.cpu() for name, each in tensors.items()})
        keep(path, content, "features of real images will be computed again in each process")
