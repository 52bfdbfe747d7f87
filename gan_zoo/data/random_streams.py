"""Independent random streams, one for each purpose, from one seed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def stream_seed(seed: int, purpose: str) -> int:
    """Return a 63-bit seed from (seed, purpose): the first bytes of their SHA-256."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return the random stream of one purpose, which draws from other streams do not change."""
    return torch.Generator(device).manual_seed(stream_seed(seed, purpose))


@contextmanager
def global_stream(seed: int, purpose: str) -> Iterator[None]:
    """Seed torch's global stream for code that draws from it, and restore it afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(seed, purpose))
        yield
