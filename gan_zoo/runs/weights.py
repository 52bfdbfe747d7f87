"""Weights as safetensors, named as in the source document: each epoch's, and the best so far.

Each file holds a checksum of itself. Files without one, as older versions wrote them, are read and
said to be unverified.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gan_zoo.runs import checksum
from gan_zoo.runs.record import write_bytes

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

FOLDER = "checkpoints"


class CheckpointError(ValueError):
    """Weights that cannot be used: which file, what is wrong with it."""


def weight_path(folder: Path, network: str, epoch: int | str) -> Path:
    """Where the weights of a network after an epoch are kept; ``best`` is an epoch too."""
    name = f"{epoch:03d}" if isinstance(epoch, int) else epoch
    return folder / FOLDER / f"params_{network}_epoch_{name}.safetensors"


def save_weights(folder: Path, network: str, module: nn.Module, epoch: int | str) -> None:
    """Write one network's weights."""
    write_bytes(weight_path(folder, network, epoch), sealed_tensors(module.state_dict()))


def sealed_tensors(tensors: Mapping[str, Tensor]) -> bytes:
    """A safetensors file with its checksum: what ``read_weights`` reads."""
    import torch
    from safetensors.torch import save

    # Contiguous copies: safetensors refuses tensors that share memory, such as tied weights.
    contiguous = {
        key: value.clone(memory_format=torch.contiguous_format) for key, value in tensors.items()
    }
    # One entry alone: of several, safetensors shuffles the order, and the bytes would differ.
    return checksum.sealed(save(contiguous, metadata={checksum.KEY: checksum.BLANK}))


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
    """The tensors of a file; one without a checksum is told on standard error.

    Raises:
        CheckpointError: the file cannot be read or is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        content = path.read_bytes()
        if checksum.is_sealed(content):
            checksum.check(content)
        tensors, metadata = load(content), header(content)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    except (checksum.ChecksumError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: is damaged ({error})") from error
    if not checksum.is_sealed(content):
        if not metadata.keys() <= {"epoch"}:
            raise CheckpointError(f"{path}: is damaged: its checksum is missing")
        print(
            f"gan_zoo: {path} has no checksum, as older versions wrote it: its weights are not"
            " verified",
            file=sys.stderr,
        )
    return tensors


def header(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file; empty if it has none.

    Raises:
        ValueError: it is no such file.
    """
    told = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    metadata: dict[str, str] = told.get("__metadata__", {})
    return metadata


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


def _difference(found: Mapping[str, torch.Size], expected: Mapping[str, torch.Size]) -> str:
    """The first tensor that is not as expected."""
    name = next(key for key in sorted({*found, *expected}) if found.get(key) != expected.get(key))
    sizes = (
        "none" if size is None else str(tuple(size))
        for size in (found.get(name), expected.get(name))
    )
    return "{} has shape {}, expected {}".format(name, *sizes)
