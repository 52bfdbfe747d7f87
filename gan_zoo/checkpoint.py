"""Weights of each epoch as safetensors, named as in the source document."""

from pathlib import Path

from safetensors.torch import save
from torch import nn

from gan_zoo.records import write_bytes

FOLDER = "checkpoints"


def weight_path(folder: Path, network: str, epoch: int) -> Path:
    """Where the weights of ``generator`` or ``discriminator`` after an epoch are kept."""
    return folder / FOLDER / f"params_{network}_epoch_{epoch:03d}.safetensors"


def save_weights(
    folder: Path, generator: nn.Module, discriminator: nn.Module, epoch: int, keep: int | None
) -> None:
    """Write both networks' weights, then remove those of epochs older than the newest ``keep``."""
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
        write_bytes(weight_path(folder, name, epoch), save(tensors, metadata={"epoch": str(epoch)}))
        if keep is not None:
            for old in range(1, epoch - keep + 1):
                weight_path(folder, name, old).unlink(missing_ok=True)
