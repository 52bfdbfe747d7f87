"""Standard output and error that never end a command, whatever its reader and encoding do."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Lasting:
    """A stream that discards its output once the reader has closed the pipe, as ``head`` does."""

    def __init__(self, stream: io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # for characters that the encoding lacks
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write, or discard if the pipe is closed."""
        with self._discarding():
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or discard if the pipe is closed."""
        with self._discarding():
            self.stream.flush()

    @contextmanager
    def _discarding(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)


@contextmanager
def lasting_output() -> Iterator[None]:
    """Make printing survive a closed pipe and characters that the encoding lacks.

    Streams that a test or a notebook has replaced are left as they are.
    """
    before = sys.stdout, sys.stderr
    if type(sys.stdout) is io.TextIOWrapper and sys.stdout is sys.__stdout__:
        sys.stdout = _Lasting(sys.stdout)
    if type(sys.stderr) is io.TextIOWrapper and sys.stderr is sys.__stderr__:
        sys.stderr = _Lasting(sys.stderr)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
