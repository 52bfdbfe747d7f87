"""Independent random streams, one for each purpose, all from one seed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def stream_seed(seed: int, purpose: str) -> int:
    """A 63-bit seed from (seed, purpose): the first bytes of their SHA-256."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """The random stream of one purpose; what others draw never moves it."""
    return torch.Generator(device).manual_seed(stream_seed(seed, purpose))


@contextmanager
def global_stream(seed: int, purpose: str) -> Iterator[None]:
    """Seed torch's global stream for code that knows no other, and put the stream back after."""
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(seed, purpose))
        yield
