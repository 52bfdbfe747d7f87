"""Ctrl-C and SIGTERM: the first finishes what must not be cut, the second stops at once.

A scheduler's warning, SIGUSR1 or SIGUSR2, is heeded where something listens to it already, as
submitit does in a job of SLURM: the run saves, and then that listener gets the signal, to put the
job into the queue again.
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
    """The process was asked to stop: by which signal."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """128 + the signal's number, as shells have it."""
        return 128 + self.number


class Stop:
    """Whether a signal came. Inside ``deferred`` the first only asks, elsewhere it interrupts."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.warning: int | None = None  # of a scheduler, which waits for it to be passed on
        self._deferred = False

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """While this lasts, a first signal is left to ``check``."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def check(self) -> None:
        """Interrupt if a signal came.

        Raises:
            Interrupted: it did.
        """
        if self.signal is not None:
            raise Interrupted(self.signal)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """What a signal does."""
        again = self.signal is not None and self.warning is None  # a scheduler sends SIGTERM too
        self.signal = number
        if number in WARNINGS:
            self.warning = number
            again = False
        if again or not self._deferred:
            raise Interrupted(number)
        name = signal.Signals(number).name
        hint = "" if self.warning else "; again stops at once"
        print(
            f"gan_zoo: {name}: finishing the step and saving{hint}",
            file=sys.stderr, flush=True,
        )  # fmt: skip


@contextmanager
def stopping() -> Iterator[Stop]:
    """Listen to the signals; only the main thread can, another one goes without."""
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
