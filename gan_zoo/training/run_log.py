"""``run.log`` in the folder of a run: what the run says on standard error, each line with its time.

Importing this module needs no torch.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, TextIO, cast

LOG_NAME = "run.log"


class RunLog:
    """Copy standard error to ``run.log`` while the ``with`` block lasts; later runs append.

    Runs that are trained as a batch share a process: each log gets what its own run says, and what
    is said during an update (``of_all_runs``) goes to all of them. The file is opened by the first
    line. If it cannot be written, the run continues without it, with a warning.

    Args:
        folder: of the run.
    """

    _open: ClassVar[list["RunLog"]] = []  # of this process
    _speaking: ClassVar["RunLog | None"] = None  # None: all
    _before: ClassVar[TextIO]

    def __init__(self, folder: Path):
        self.path = folder / LOG_NAME
        self._begun, self._failed = "", False  # a line without its end

    def __enter__(self) -> "RunLog":
        if not RunLog._open:
            RunLog._before = sys.stderr
            sys.stderr = cast(TextIO, _Copy(sys.stderr))
        RunLog._open.append(self)
        RunLog._speaking = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._begun:
            self.write("\n")
        RunLog._open.remove(self)
        RunLog._speaking = None
        if not RunLog._open:
            sys.stderr = RunLog._before

    @contextmanager
    def of_all_runs(self) -> Iterator[None]:
        """Copy what is said within the block to the logs of all runs of this process."""
        RunLog._speaking = None
        try:
            yield
        finally:
            RunLog._speaking = self

    def write(self, text: str) -> None:
        """Append text to the log alone; a line is written when it ends, as it looks by then."""
        *lines, self._begun = (self._begun + text).split("\n")
        shown = [line.rstrip("\r").rpartition("\r")[2] for line in lines]
        time = datetime.now(UTC).isoformat(timespec="seconds")
        if shown and not self._failed:
            self._append("".join(f"{time} {line}\n" for line in shown))

    def _append(self, text: str) -> None:
        try:
            with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError as error:
            self._failed = True
            print(
                f"gan_zoo: warning: {self.path} cannot be written ({error.strerror}): the run"
                " continues without it",
                file=sys.stderr, flush=True,
            )  # fmt: skip


class _Copy:
    """A stream that passes what is written to the logs, too."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write to the stream, and to the log of the run that speaks."""
        written = self.stream.write(text)
        for log in RunLog._open if RunLog._speaking is None else [RunLog._speaking]:
            log.write(text)
        return written


def screen() -> TextIO:
    """Return standard error without the logs, for what is drawn on a terminal."""
    return sys.stderr.stream if isinstance(sys.stderr, _Copy) else sys.stderr


@contextmanager
def copied() -> Iterator[None]:
    """Copy standard error to the logs within the block, where another stream has replaced it."""
    before = sys.stderr
    if not isinstance(before, _Copy):
        sys.stderr = cast(TextIO, _Copy(before))
    try:
        yield
    finally:
        sys.stderr = before
