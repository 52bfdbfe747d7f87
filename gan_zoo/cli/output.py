"""Standard output and error that never end a command, whatever its reader and encoding do."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Lasting(io.TextIOWrapper):
    """A stream that discards its output once the reader has closed the pipe, as ``head`` does."""

    def write(self, text: str) -> int:
        """Write, or discard if the pipe is closed."""
        try:
            return super().write(text)
        except BrokenPipeError:
            self._discard()
            return len(text)

    def flush(self) -> None:
        """Flush, or discard if the pipe is closed."""
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
    """Make printing survive a closed pipe and characters that the encoding lacks.

    Streams that a test or a notebook has replaced are left as they are.
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
