"""Signals: after the first Ctrl-C or SIGTERM a run saves and stops, the second stops it at once.

A scheduler's warning, SIGUSR1 or SIGUSR2, is handled if a listener is installed, as submitit does
in a SLURM job: the run saves, then the listener gets the signal and requeues the job.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)  # of a scheduler


class Interrupted(KeyboardInterrupt):
    """Raised when a signal asks the process to stop."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """Return 128 + the signal's number, the convention of shells."""
        return 128 + self.number


class Stop:
    """The signal that arrived, if any; within ``deferred`` the first one does not interrupt."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.warning: int | None = None  # of a scheduler, to be passed on
        self._deferred = 0  # blocks: several runs may share this stop

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Leave a first signal within the block to ``check``."""
        self._deferred += 1
        try:
            yield
        finally:
            self._deferred -= 1

    def check(self) -> None:
        """Raise ``Interrupted`` if a signal arrived.

        Raises:
            Interrupted: a signal arrived.
        """
        if self.signal is not None:
            raise Interrupted(self.signal)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        again = self.signal is not None and self.warning is None  # a scheduler sends SIGTERM too
        self.signal = number
        if number in WARNINGS:
            self.warning = number
            again = False
        if again or not self._deferred:
            raise Interrupted(number)
        name = signal.Signals(number).name
        hint = "" if self.warning else "; a second one stops at once"
        print(
            f"gan_zoo: {name}: finishing the step and saving{hint}",
            file=sys.stderr, flush=True,
        )  # fmt: skip


@contextmanager
def stopping() -> Iterator[Stop]:
    """Handle signals within the block; in the main thread only, as Python requires.

    A nested block shares the outer block's ``Stop``: one signal stops all.
    """
    outer = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    if isinstance(outer, Stop):
        yield outer
        return
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    awaited = [number for number in WARNINGS if callable(signal.getsignal(number))]
    before = {number: signal.signal(number, stop.handle) for number in (*SIGNALS, *awaited)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if stop.warning is not None:
            signal.raise_signal(stop.warning)
