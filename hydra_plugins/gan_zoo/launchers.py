"""Launchers: run the jobs of a sweep in processes of this machine, or as a batch.

Hydra's own plugins (joblib 1.2.0, submitit 1.2.0, Ray 1.2.2) raise at the first job whose process
dies and abandon the others, so rerunning a command never gets past a job that always dies.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn
from omegaconf import DictConfig

from gan_zoo.runs.workers import (
    report_idle,
    threads_of_a_worker,
    visible_gpus,
    workers_of,
)
from gan_zoo.training.signals import Interrupted, Stop, stopping
from gan_zoo.training.steps import Steps, finish
from gan_zoo.types import ConfigurationError
from hydra_plugins.gan_zoo._jobs import SAVING, JobsLauncher, Task

if TYPE_CHECKING:
    from gan_zoo.training.trainer import Trainer


class ProcessLauncher(JobsLauncher):
    """``hydra/launcher=processes``: run ``n_jobs`` jobs at a time, each in a process of its own.

    SIGINT and SIGTERM are passed on to the processes, which finish their step and save. They also
    save and end when the launching process is killed.

    Worker i of ``n_jobs`` gets the GPU i modulo their number, if there are GPUs. With a negative
    ``n_jobs`` there are at most ``per_gpu`` workers for each.
    """

    def __init__(self, n_jobs: int, per_gpu: int = 1):
        self.n_jobs, self.gpus = workers_of(n_jobs), visible_gpus()
        if type(per_gpu) is not int or per_gpu < 1:
            raise ConfigurationError(f"hydra.launcher.per_gpu must be at least 1, got {per_gpu!r}")
        if self.gpus and n_jobs < 0:
            self.n_jobs = min(self.n_jobs, per_gpu * len(self.gpus))

    def report_idle(self, tasks: Sequence[Task]) -> None:
        """Print how many GPUs no worker uses, if the tasks would take them."""
        if any(task.takes_any_gpu for task in tasks):
            report_idle(len(self.gpus), self.n_jobs, "raise hydra.launcher.n_jobs")

    def run(self, tasks: Sequence[Task]) -> list[JobReturn]:
        """Run the tasks and return their results in order.

        Raises:
            Interrupted: a signal arrived; running jobs have saved.
        """
        os.environ["OMP_NUM_THREADS"] = str(threads_of_a_worker(self.n_jobs))  # inherited
        fork = "forkserver" in multiprocessing.get_all_start_methods()
        context: Any = multiprocessing.get_context("forkserver" if fork else "spawn")
        if fork:  # a job starts in milliseconds instead of importing torch
            context.set_forkserver_preload(["gan_zoo.cli.train", "gan_zoo.training.loop"])
        waiting = deque(tasks)
        running: dict[Connection, tuple[Task, Any]] = {}
        results: dict[int, JobReturn] = {}
        free, worker_of = deque(range(self.n_jobs)), dict[Connection, int]()
        self.report_idle(tasks)
        with stopping():
            try:
                while waiting or running:
                    while waiting and len(running) < self.n_jobs:
                        here, there = context.Pipe()
                        worker_of[here] = free.popleft()
                        placed = waiting[0].on(self.gpus, worker_of[here])
                        process = context.Process(target=_run, args=(there, placed))
                        process.start()
                        running[here] = waiting.popleft(), process
                        there.close()
                    for connection in wait(list(running)):
                        assert isinstance(connection, Connection)
                        task, process = running.pop(connection)
                        free.append(worker_of.pop(connection))
                        results[task.number] = _receive(connection, task, process)
            except KeyboardInterrupt:
                for _, process in running.values():
                    process.terminate()  # asks the run to save
                for _, process in running.values():
                    process.join(SAVING)
                raise
        return [results[task.number] for task in tasks]


def _run(connection: Connection, task: Task) -> None:
    """Run a task in its own process and send its result."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C reaches the launching process alone, which passes it on
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        result = task()
    except KeyboardInterrupt as error:  # the run has saved
        sys.exit(error.exit_code if isinstance(error, Interrupted) else 130)
    with suppress(BrokenPipeError):  # the launching process was killed
        connection.send(result)


def _end_with_parent() -> None:
    """Let the run save and end once the launching process is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(SAVING)
    os._exit(1)


def _receive(connection: Connection, task: Task, process: Any) -> JobReturn:
    try:
        result: JobReturn = connection.recv()
    except EOFError:
        process.join()
        code = process.exitcode
        return task.crashed(signal.Signals(-code).name if code < 0 else f"exit code {code}")
    finally:
        connection.close()
    process.join()
    return result


class BatchedLauncher(JobsLauncher):
    """``hydra/launcher=batched``: train up to ``seeds`` runs that differ in their seeds at once.

    Numbers are those of single runs up to rounding. Runs that cannot be trained as a batch are
    trained one after the other, with a message that says why.
    """

    def __init__(self, seeds: int):
        if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
            raise ConfigurationError(
                f"hydra.launcher.seeds must be an integer of at least 1, got {seeds!r}: the number"
                " of runs in a batch"
            )
        self.seeds = seeds

    def run(self, tasks: Sequence[Task]) -> list[JobReturn]:
        """Run the tasks batch by batch and return their results in order.

        Raises:
            Interrupted: a signal arrived; running jobs have saved.
        """
        from gan_zoo.training.run import cpu_threads

        if any(task.takes_any_gpu for task in tasks):
            report_idle(len(visible_gpus()), 1, "hydra/launcher=processes uses all")
        variants: dict[tuple[str, ...], list[Task]] = {}
        for task in tasks:
            variants.setdefault(_without_seed(task.words), []).append(task)
        results: dict[int, JobReturn] = {}
        with stopping() as stop:
            for variant in variants.values():
                for start in range(0, len(variant), self.seeds):
                    with cpu_threads(None):
                        results |= _run_batch(variant[start : start + self.seeds], stop)
                    stop.check()
        return [results[task.number] for task in tasks]


def _run_batch(tasks: Sequence[Task], stop: Stop) -> dict[int, JobReturn]:
    """Run tasks as one batch, or one after the other if they cannot be a batch."""
    from gan_zoo.training.batched import finish_together, obstacle

    results: dict[int, JobReturn] = {}
    batch: list[_Started] = []
    reason = None
    with ExitStack() as stack:
        for task in tasks:
            started = _Started(task)
            results[task.number] = started.result
            if started.trainer is None:  # it has nothing to train, or failed
                continue
            stack.enter_context(closing(started.steps))
            if reason is None and not batch:
                reason = obstacle(started.trainer)
                if reason is not None and len(tasks) > 1:
                    words = " ".join(_without_seed(task.words))
                    print(f"gan_zoo: {words}: one seed at a time: {reason}", file=sys.stderr)
            if reason is None:
                batch.append(started)
            else:
                started.result.return_value = finish(started.steps, started.trainer)
            stop.check()
        outcomes = finish_together(
            [started.steps for started in batch],
            [started.trainer for started in batch if started.trainer is not None],
        )
    for started, outcome in zip(batch, outcomes, strict=True):
        started.result.return_value = outcome
    return results


class _Started:
    """A job up to its first update, which ``trainer`` has to make; None if it makes none."""

    def __init__(self, task: Task):
        self.trainer: Trainer | None = None
        self.result = replace(task, function=self._start)()

    def _start(self, config: DictConfig) -> float | None:
        from gan_zoo.cli.train import job

        self.steps: Steps[float] = job.steps(config)
        try:
            self.trainer = next(self.steps)
        except StopIteration as end:
            outcome: float = end.value
            return outcome
        return None


def _without_seed(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for word in words if word.lstrip("+").partition("=")[0] != "seed")
