"""Weights as safetensors with a checksum: each epoch's, and the best so far.

Files without a checksum, as older versions wrote them, are read with a warning.
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
    from torch import Tensor, nn

FOLDER = "checkpoints"


class CheckpointError(ValueError):
    """Raised for weights that cannot be used; names the file and the reason."""


def weight_path(folder: Path, network: str, epoch: int | str) -> Path:
    """Return the path of a network's weights after an epoch, which may be ``best``."""
    name = f"{epoch:03d}" if isinstance(epoch, int) else epoch
    return folder / FOLDER / f"params_{network}_epoch_{name}.safetensors"


def save_weights(folder: Path, network: str, module: nn.Module, epoch: int | str) -> None:
    """Write one network's weights."""
    write_bytes(weight_path(folder, network, epoch), to_safetensors(module.state_dict()))


def to_safetensors(tensors: Mapping[str, Tensor]) -> bytes:
    """Return the content of a safetensors file with a checksum, the same bytes each time."""
    import torch
    from safetensors.torch import save

    # Contiguous copies on the CPU: safetensors refuses tensors that share memory (tied weights).
    contiguous = {
        key: value.to("cpu", copy=True, memory_format=torch.contiguous_format)
        for key, value in tensors.items()
    }
    # Only one entry: safetensors shuffles several, and the bytes would differ.
    return checksum.with_checksum(save(contiguous, metadata={checksum.KEY: checksum.BLANK}))


def save_epoch(
    folder: Path, networks: Mapping[str, nn.Module], epoch: int, keep: int | None
) -> None:
    """Write all networks' weights, then remove those older than the newest ``keep`` epochs."""
    for name, network in networks.items():
        save_weights(folder, name, network, epoch)
        for old in range(1, epoch + 1 - (epoch if keep is None else keep)):
            weight_path(folder, name, old).unlink(missing_ok=True)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file; print a warning if it has no checksum.

    Raises:
        CheckpointError: the file cannot be read or is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        content = path.read_bytes()
        verified = checksum.has_checksum(content)
        if verified:
            checksum.check(content)
        tensors, metadata = load(content), _metadata(content)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    except (checksum.ChecksumError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: is damaged ({error})") from error
    if not verified:
        if not metadata.keys() <= {"epoch"}:
            raise CheckpointError(f"{path}: is damaged: its checksum is missing")
        print(
            f"gan_zoo: {path} has no checksum, as older versions wrote it: its weights are not"
            " verified",
            file=sys.stderr,
        )
    return tensors


def load_weights(path: Path, module: nn.Module) -> None:
    """Load a file's weights into a network, all or none.

    Raises:
        CheckpointError: the file cannot be read, is damaged, or is another network's.
    """
    tensors, expected = read_weights(path), module.state_dict()
    for name in sorted({*tensors, *expected}):
        found, wanted = (
            str(tuple(tree[name].shape)) if name in tree else "none" for tree in (tensors, expected)
        )
        if found != wanted:
            raise CheckpointError(
                f"{path}: holds the weights of another network: {name} has shape {found}, expected"
                f" {wanted}"
            )
    module.load_state_dict(tensors)


def _metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of a safetensors file; empty if it has none."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    metadata: dict[str, str] = header.get("__metadata__", {})
    return metadata
