"""Standard output and error of a command, which never end it: what it computes is kept anyway."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Lasting(io.TextIOWrapper):
    """A stream that shows what its encoding has no character for as an escape.

    Once its reader has gone, as ``head`` does, all that follows is discarded.
    """

    def write(self, text: str) -> int:
        """Write, or discard where nobody reads."""
        try:
            return super().write(text)
        except BrokenPipeError:
            self._discard()
            return len(text)

    def flush(self) -> None:
        """Flush, or discard where nobody reads."""
        try:
            super().flush()
        except BrokenPipeError:
            self._discard()

    def _discard(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


@contextmanager
def lasting_output() -> Iterator[None]:
    """While this lasts, neither a closed pipe nor a character raises where something is printed.

    Streams that somebody has replaced, such as a test or a notebook, stay as they are.
    """
    before = sys.stdout, sys.stderr
    names = [
        name for name in ("stdout", "stderr")
        if type(getattr(sys, name)) is io.TextIOWrapper
        and getattr(sys, name) is getattr(sys, f"__{name}__")
    ]  # fmt: skip
    for name in names:
        stream = getattr(sys, name)
        stream.flush()
        lasting = _Lasting(
            stream.buffer, encoding=stream.encoding, errors="backslashreplace",
            line_buffering=stream.line_buffering,
        )  # fmt: skip
        setattr(sys, name, lasting)
    try:
        yield
    finally:
        for name in names:
            stream = getattr(sys, name)
            stream.flush()
            stream.detach()
        sys.stdout, sys.stderr = before
