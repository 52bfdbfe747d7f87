"""Weights as safetensors, named as in the source document: each epoch's, and the best so far."""

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file, save
from torch import nn

from gan_zoo.records import write_bytes

FOLDER = "checkpoints"


def weight_path(folder: Path, network: str, epoch: int | str) -> Path:
    """Where the weights of a network after an epoch are kept; ``best`` is an epoch too."""
    name = f"{epoch:03d}" if isinstance(epoch, int) else epoch
    return folder / FOLDER / f"params_{network}_epoch_{name}.safetensors"


def save_weights(folder: Path, network: str, module: nn.Module, epoch: int | str) -> None:
    """Write one network's weights."""
    tensors = {key: value.contiguous() for key, value in module.state_dict().items()}
    metadata = {"epoch": str(epoch)}
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
        OSError: the file cannot be read.
        RuntimeError: its keys or shapes are not the network's.
    """
    module.load_state_dict(load_file(path))
