"""Checksums inside files, so that damage is detected: each holds the SHA-256 of itself.

The digest is the JSON member ``"seal"``, of a record as well as of a safetensors file's header, and
is computed with zeros in its place, so that every byte of the file counts.
"""

import hashlib
import re

KEY = "seal"
BLANK = "0" * 64  # in place of the digest
_PLACE = re.compile(rb'"seal": ?"([0-9a-f]{64})"')


class ChecksumError(ValueError):
    """Raised when a file is not what was written."""


def with_checksum(content: bytes) -> bytes:
    """Return the content with its digest in place of ``BLANK``.

    Raises:
        ValueError: it has no member ``"seal"``.
    """
    place = _PLACE.search(content)
    if place is None:
        raise ValueError(f'the content has no member "{KEY}" for its checksum')
    return content[: place.start(1)] + _digest(content, place) + content[place.end(1) :]


def has_checksum(content: bytes) -> bool:
    """Return whether there is a digest to check."""
    return _PLACE.search(content) is not None


def check(content: bytes) -> None:
    """Compare the content with its digest.

    Raises:
        ChecksumError: it has none, or does not match it.
    """
    place = _PLACE.search(content)
    if place is None:
        raise ChecksumError("it holds no checksum: it is cut off, damaged or not gan_zoo's")
    if _digest(content, place) != place[1]:
        raise ChecksumError("its content does not match its checksum: it is damaged or was edited")


def _digest(content: bytes, place: re.Match[bytes]) -> bytes:
    blank = content[: place.start(1)] + BLANK.encode() + content[place.end(1) :]
    return hashlib.sha256(blank).hexdigest().encode()
