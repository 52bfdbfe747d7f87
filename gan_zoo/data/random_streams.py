"""Independent random streams, one for each purpose, from one seed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gan_zoo.data.devices import kept_global_streams, seed_global_streams


def stream_seed(seed: int, purpose: str) -> int:
    """Return a 63-bit seed from (seed, purpose): the first bytes of their SHA-256."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return the random stream of one purpose, which draws from other streams do not change."""
    return torch.Generator(device).manual_seed(stream_seed(seed, purpose))


@contextmanager
def global_stream(seed: int, purpose: str, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed torch's global streams, the CPU's and ``device``'s; restore them after the block."""
    device = torch.device(device)
    with kept_global_streams(device):
        seed_global_streams(stream_seed(seed, purpose), device)
        yield
