"""Weights as safetensors, named as in the source document: each epoch's, and the best so far."""

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load, save
from torch import Tensor, nn

from gan_zoo import sealed
from gan_zoo.records import write_bytes

FOLDER = "checkpoints"


def weight_path(folder: Path, network: str, epoch: int | str) -> Path:
    """Where the weights of a network after an epoch are kept; ``best`` is an epoch too."""
    name = f"{epoch:03d}" if isinstance(epoch, int) else epoch
    return folder / FOLDER / f"params_{network}_epoch_{name}.safetensors"


def save_weights(folder: Path, network: str, module: nn.Module, epoch: int | str) -> None:
    """Write one network's weights."""
    tensors = {key: value.contiguous() for key, value in module.state_dict().items()}
    # One entry alone: of several, safetensors shuffles the order, and the bytes would differ.
    content = sealed.sealed(save(tensors, metadata={sealed.KEY: sealed.BLANK}))
    write_bytes(weight_path(folder, network, epoch), content)


def save_epoch(
    folder: Path, networks: Mapping[str, nn.Module], epoch: int, keep: int | None
) -> None:
    """Write all networks' weights, then remove those of epochs older than the newest ``keep``."""
    for name, network in networks.items():
        save_weights(folder, name, network, epoch)
        if keep is not None:
            for old in range(1, epoch - keep + 1):
                weight_path(folder, name, old).unlink(missing_ok=True)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights in a file.

    Raises:
        OSError: the file cannot be read.
        Damaged: it is not what ``save_weights`` wrote.
    """
    content = path.read_bytes()
    try:
        sealed.check(content)
    except sealed.Damaged as error:
        raise sealed.Damaged(f"{path}: {error}") from error
    return load(content)


def load_weights(path: Path, module: nn.Module) -> None:
    """Give a network the weights of a file.

    Raises:
        OSError: the file cannot be read.
        Damaged: it is not what ``save_weights`` wrote.
        RuntimeError: its keys or shapes are not the network's.
    """
    module.load_state_dict(read_weights(path))
