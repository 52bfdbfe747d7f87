"""``hydra/launcher=joblib``: several runs at a time on this machine, in processes that stay."""

import os
import queue
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from hydra.core.utils import JobReturn

from gan_zoo.runs.workers import threads_of_a_worker, workers_of
from gan_zoo.training.signals import SIGNALS, Interrupted
from hydra_plugins.gan_zoo._jobs import JobsLauncher, Task, dead

POLL = 1.0  # seconds between two looks whether the launching process lives
SAVING = 60.0  # seconds for a run to save
_alone = threading.Event()  # in a worker: its launching process is gone


class JoblibLauncher(JobsLauncher):
    """Keeps ``n_jobs`` workers of joblib's loky, each of which takes the next job when it is done.

    A worker that dies takes its job along and leaves the others alone. Ctrl-C and SIGTERM are
    passed on to the workers, which finish their step and save.
    """

    def __init__(self, n_jobs: int):
        self.n_jobs = workers_of(n_jobs)
        self.workers: list[Worker] = []

    def run(self, tasks: Sequence[Task]) -> list[JobReturn]:
        """Run them, as many at a time as there are workers.

        Raises:
            Interrupted: a signal came; what ran has saved.
        """
        os.environ["OMP_NUM_THREADS"] = str(threads_of_a_worker(self.n_jobs))  # which they inherit
        while len(self.workers) < min(self.n_jobs, len(tasks)):
            self.workers.append(Worker())
        idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self.workers:
            idle.put(worker)

        def work(task: Task) -> JobReturn | None:
            worker = idle.get()
            try:
                return worker(task, came)
            finally:
                idle.put(worker)

        with passed_on(self.workers) as came, ThreadPoolExecutor(len(self.workers)) as threads:
            done = list(threads.map(work, tasks))
        if came:
            raise Interrupted(came[0])
        return [outcome for outcome in done if outcome is not None]  # without a signal: all


class Worker:
    """A process for one job after the other; after its death the next job gets a new one.

    Each is a pool of its own: when a process of a pool dies, loky ends the whole pool.
    """

    def __init__(self) -> None:
        from joblib.externals import loky  # not at the top: Hydra imports all plugins at its start

        self._loky = loky
        self._pool: Any = None
        self._pid: int | None = None

    def __call__(self, task: Task, stopped: Sequence[int]) -> JobReturn | None:
        """Run a job to its end or its process's; None if a signal came before it began."""
        if stopped:
            return None
        try:
            if self._pool is None:
                self._pool = self._loky.ProcessPoolExecutor(1)
                self._pid = self._pool.submit(_begin).result()
                if stopped:  # meanwhile, when there was no process to pass it on to
                    return None
            return self._pool.submit(_call, task).result()
        except self._loky.BrokenProcessPool as error:
            self._pool = self._pid = None
            return dead(task, error)

    def signal(self, number: int) -> None:
        """Pass a signal on, if there is a process."""
        if self._pid is not None:
            with suppress(ProcessLookupError):  # it died just now, which its job will tell
                os.kill(self._pid, number)


@contextmanager
def passed_on(workers: Sequence[Worker]) -> Iterator[list[int]]:
    """While this lasts, signals go to the workers; which came. Only the main thread hears any."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def handle(number: int, _: object) -> None:
        came.append(number)
        for worker in workers:
            worker.signal(number)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _begin() -> int:
    """In the worker: leave the terminal's Ctrl-C to the launching process, which passes it on."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    return os.getpid()


def _end_with(launching: int) -> None:
    """In the worker: let its run save and end it if the launching process was killed."""
    while os.getppid() == launching:
        time.sleep(POLL)
    _alone.set()
    os.kill(os.getpid(), signal.SIGTERM)  # asks a run to save, and ends a process without one
    time.sleep(SAVING)
    os._exit(1)


def _call(task: Task) -> JobReturn:
    try:
        return task()
    except KeyboardInterrupt as error:  # it has saved
        if _alone.is_set():
            os._exit(1)  # nobody takes what would be returned
        return dead(task, error)
