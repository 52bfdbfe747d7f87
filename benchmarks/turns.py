"""Processes that take turns: for what cannot share one, such as TensorFlow or another allocator.

The other side of ``benchmarks.worker`` and ``benchmarks.keras_acgan``: each prints ``ready`` once
it is warm, then answers every line with the seconds of one iteration; the others meanwhile sleep.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class Worker:
    """A process that does an iteration when it is told to.

    Args:
        command: after the Python that runs it.
        python: the interpreter.
        environment: added to this process's.

    Raises:
        RuntimeError: it ended before it was ready; its error output is shown as it comes.
    """

    def __init__(
        self,
        *command: str,
        python: str = sys.executable,
        environment: Mapping[str, str] | None = None,
    ):
        self.command: Sequence[str] = command
        self.process = subprocess.Popen(
            [python, *command], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        )  # fmt: skip
        self._answer("ready")

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.process.__exit__(*exception)  # closes the pipes, which ends it, and waits

    def __call__(self) -> float:
        """Return the seconds of one iteration."""
        assert self.process.stdin is not None
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        return float(self._answer("seconds"))

    def _answer(self, word: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(word):
                return line.removeprefix(word).strip()
        self.process.__exit__(None, None, None)
        told = f"{' '.join(self.command)} ended with code {self.process.returncode}"
        raise RuntimeError(told)


def serve(step: object, warm_up: int = 1) -> None:
    """Be such a process: until the input ends, an iteration for each line of it."""
    from benchmarks.timing import seconds_of

    assert callable(step)
    for _ in range(warm_up):
        step()
    print("ready", flush=True)
    for _ in sys.stdin:
        print("seconds", seconds_of(step), flush=True)
