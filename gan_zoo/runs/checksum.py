"""Files that show when they are damaged: each holds the SHA-256 of itself.

The digest stands in the file as the JSON member ``"seal"``, in a record as well as in the header of
a safetensors file, and is taken with zeros in its own place. So every byte of the file counts.
"""

import hashlib
import re

KEY = "seal"
BLANK = "0" * 64  # stands where the digest will be
_PLACE = re.compile(rb'"seal": ?"([0-9a-f]{64})"')


class ChecksumError(ValueError):
    """A file is not what was written: what is wrong with it."""


def sealed(content: bytes) -> bytes:
    """The content with its digest in place of ``BLANK``.

    Raises:
        ValueError: it has no member ``"seal"``.
    """
    place = _PLACE.search(content)
    if place is None:
        raise ValueError(f'the content has no member "{KEY}" to put its digest into')
    return content[: place.start(1)] + _digest(content, place) + content[place.end(1) :]


def is_sealed(content: bytes) -> bool:
    """Whether there is a digest to check."""
    return _PLACE.search(content) is not None


def check(content: bytes) -> None:
    """Compare the content with its digest.

    Raises:
        ChecksumError: it has none, or another one.
    """
    place = _PLACE.search(content)
    if place is None:
        raise ChecksumError("it holds no checksum: it is cut off, damaged or not gan_zoo's")
    if _digest(content, place) != place[1]:
        raise ChecksumError("its content does not fit its checksum: it is damaged or was edited")


def _digest(content: bytes, place: re.Match[bytes]) -> bytes:
    blank = content[: place.start(1)] + BLANK.encode() + content[place.end(1) :]
    return hashlib.sha256(blank).hexdigest().encode()
