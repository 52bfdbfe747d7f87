"""Weights as safetensors, named as in the source document: each epoch's, and the best so far.

A file's metadata hold the checksum of its tensors and of the epoch. Files without one, as older
versions wrote them, are read and said to be unverified.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from gan_zoo.records import write_bytes

FOLDER = "checkpoints"
CHECKED = "epoch and sha256"  # the metadata's key


class CheckpointError(ValueError):
    """Weights that cannot be used: which file, what is wrong with it."""


def weight_path(folder: Path, network: str, epoch: int | str) -> Path:
    """Where the weights of a network after an epoch are kept; ``best`` is an epoch too."""
    name = f"{epoch:03d}" if isinstance(epoch, int) else epoch
    return folder / FOLDER / f"params_{network}_epoch_{name}.safetensors"


def save_weights(folder: Path, network: str, module: nn.Module, epoch: int | str) -> None:
    """Write one network's weights."""
    tensors = {key: value.contiguous() for key, value in module.state_dict().items()}
    # one entry: safetensors writes several in random order, and files are compared byte by byte
    metadata = {CHECKED: f"{epoch} {_sha256(tensors, str(epoch))}"}
    write_bytes(weight_path(folder, network, epoch), save(tensors, metadata=metadata))


def save_epoch(
    folder: Path, networks: Mapping[str, nn.Module], epoch: int, keep: int | None
) -> None:
    """Write all networks' weights, then remove those of epochs older than the newest ``keep``."""
    for name, network in networks.items():
        save_weights(folder, name, network, epoch)
        if keep is not None:
            for old in range(1, epoch - keep + 1):
                weight_path(folder, name, old).unlink(missing_ok=True)


def load_weights(path: Path, module: nn.Module) -> None:
    """Give a network the weights of a file.

    Raises:
        CheckpointError: the file cannot be read, is damaged, or is another network's; the network
            is left as it was.
    """
    tensors = read_weights(path)
    expected = {key: value.shape for key, value in module.state_dict().items()}
    found = {key: value.shape for key, value in tensors.items()}
    if found != expected:
        raise CheckpointError(
            f"{path}: holds the weights of another network: {_difference(found, expected)}"
        )
    module.load_state_dict(tensors)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file; one without a checksum is told on standard error.

    Raises:
        CheckpointError: the file cannot be read or is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error
    epoch, _, promised = metadata.get(CHECKED, "").partition(" ")
    if not promised and not metadata.keys() <= {"epoch"}:
        raise CheckpointError(f"{path}: is damaged: its checksum is missing")
    if not promised:
        print(
            f"gan_zoo: {path} has no checksum, as older versions wrote it: its weights are not"
            " verified",
            file=sys.stderr,
        )
    elif promised != _sha256(tensors, epoch):
        raise CheckpointError(f"{path}: is damaged: its weights have another checksum")
    return tensors


def _difference(found: Mapping[str, torch.Size], expected: Mapping[str, torch.Size]) -> str:
    """The first tensor that is not as expected."""
    name = next(key for key in sorted({*found, *expected}) if found.get(key) != expected.get(key))
    sizes = (
        "none" if size is None else str(tuple(size))
        for size in (found.get(name), expected.get(name))
    )
    return "{} has shape {}, expected {}".format(name, *sizes)


def _sha256(tensors: Mapping[str, Tensor], epoch: str) -> str:
    """Over the epoch and each tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(f"epoch {epoch};".encode())
    for key, value in sorted(tensors.items()):
        digest.update(f"{key} {value.dtype} {tuple(value.shape)};".encode())
        content = value.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(content.numpy().data)
    return digest.hexdigest()
