"""Launchers: run the jobs of a sweep as a batch, in processes, in SLURM jobs, or on a Ray cluster.

Hydra's own plugins (joblib 1.2.0, submitit 1.2.0, Ray 1.2.2) raise at the first job whose process
dies and abandon the others, so rerunning a command never gets past a job that always dies.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from gan_zoo.config.validate import one_line, require_extra
from gan_zoo.runs.workers import threads_of_a_worker, visible_gpus, workers_of
from gan_zoo.training.signals import Interrupted, Stop, stopping
from gan_zoo.training.steps import Steps, finish
from gan_zoo.types import ConfigurationError, WorkerCrashed

if TYPE_CHECKING:
    from gan_zoo.training.trainer import Trainer

SAVING = 60.0  # seconds that interrupted runs get to save


@dataclass(frozen=True)
class Task:
    """One job, to be called in the process that runs it."""

    context: HydraContext
    function: TaskFunction
    config: DictConfig  # the launching process's
    words: list[str]  # the job's overrides
    number: int
    folder: str  # the launching process's working directory, which paths are relative to
    singletons: dict[Any, Any]  # Hydra's, of the launching process
    gpu: str | None = None  # the one that the job may use; None: whichever there are

    def __call__(self) -> JobReturn:
        """Run the job; an exception that it raises is stored in the value returned."""
        if self.gpu is not None:  # before CUDA starts, which reads it once
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpu
        os.chdir(self.folder)
        from gan_zoo.cli.train import prepare_hydra

        Singleton._instances = self.singletons
        setup_globals()
        prepare_hydra()
        config = self.context.config_loader.load_sweep_config(self.config, self.words)
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = f"{self.number}", self.number
        HydraConfig.instance().set_config(config)
        return run_job(
            hydra_context=self.context,
            task_function=self.function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )

    def on(self, gpus: Sequence[str], worker: int) -> "Task":
        """Return the job with the GPU of a worker, unless its configuration names a device."""
        words = [word for word in self.words if word.startswith("device=")]
        device = words[-1].partition("=")[2] if words else str(self.config.device)
        if not gpus or device not in ("auto", "cuda"):
            return self
        return replace(self, gpu=gpus[worker % len(gpus)])

    def checkpoint(self) -> Any:
        """Return what submitit requeues at a time limit: the same job, which resumes its run."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def crashed(self, reason: object) -> JobReturn:
        """Report a job whose process died, and return a result that raises when it is read."""
        error = WorkerCrashed(f"{' '.join(self.words)} died: {str(reason)[:300]}")
        print(f"gan_zoo: {error}", file=sys.stderr, flush=True)
        result = JobReturn(overrides=self.words, status=JobStatus.FAILED)
        result.return_value = error
        return result


class JobsLauncher(Launcher):
    """Base class: make the jobs of a sweep, which a subclass runs."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Store what the jobs need; called by Hydra before ``launch``."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run all jobs to their end; one that fails or dies does not end the others."""
        return self.run([
            Task(
                self.hydra_context, self.task_function, self.config, list(words),
                initial_job_idx + number, str(Path.cwd()), Singleton._instances,
            )
            for number, words in enumerate(job_overrides)
        ])  # fmt: skip

    def run(self, tasks: Sequence[Task]) -> list[JobReturn]:
        """Run the tasks and return their results in order."""
        raise NotImplementedError


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
        if len(self.gpus) > self.n_jobs:
            idle = len(self.gpus) - self.n_jobs
            print(f"gan_zoo: {idle} of {len(self.gpus)} GPUs stay idle: raise"
                  " hydra.launcher.n_jobs", file=sys.stderr)  # fmt: skip
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


class SubmititLauncher(JobsLauncher):
    """``hydra/launcher=submitit_slurm|submitit_local``: submit every job and wait for all.

    A job at its time limit is signalled, saves, and is requeued up to ``requeues`` times; the
    sweep's folder must be on a file system that all machines share.
    """

    def __init__(self, cluster: str, folder: str, requeues: int, parameters: Mapping[str, Any]):
        self.cluster, self.folder, self.requeues = cluster, folder, requeues
        self.parameters = {k: v for k, v in parameters.items() if v is not None}

    def run(self, tasks: Sequence[Task]) -> list[JobReturn]:
        """Run the tasks as one job array and return their results in order.

        Raises:
            ConfigurationError: submitit or SLURM is not there, or refuses the parameters.
        """
        require_extra(f"hydra/launcher=submitit_{self.cluster}", "slurm", "submitit")
        import submitit
        from submitit.core.utils import FailedJobError, UncompletedJobError

        try:
            executor = submitit.AutoExecutor(
                self.folder, cluster=self.cluster,
                **{f"{self.cluster}_max_num_timeout": self.requeues},
            )  # fmt: skip
            executor.update_parameters(**self.parameters)
            with executor.batch():
                gpus = visible_gpus() if self.cluster == "local" else []  # SLURM assigns its own
                jobs = [executor.submit(task.on(gpus, i)) for i, task in enumerate(tasks)]
        except (RuntimeError, FailedJobError) as error:
            raise ConfigurationError(
                f"hydra/launcher=submitit_{self.cluster}: {one_line(error)}. Check"
                " hydra.launcher.parameters, and that jobs can be submitted from this machine"
            ) from error
        try:
            return [
                _result(task, job.result, (FailedJobError, UncompletedJobError))
                for task, job in zip(tasks, jobs, strict=True)
            ]
        except KeyboardInterrupt:
            if self.cluster == "local":
                for job in jobs:
                    job.cancel()  # interrupts it, so it saves
            else:
                ids = " ".join(sorted({str(job.job_id).split("_")[0] for job in jobs}))
                print(f"gan_zoo: SLURM jobs keep running; to end them: scancel {ids}",
                      file=sys.stderr)  # fmt: skip
            raise


class RayLauncher(JobsLauncher):
    """``hydra/launcher=ray``: run the jobs on a Ray cluster, or start one on this machine.

    A job whose process or machine dies is retried up to ``retries`` times and resumes its run; the
    sweep's folder must be on a file system that all machines share.
    """

    def __init__(self, address: str | None, job: Mapping[str, Any], retries: int):
        self.address, self.job, self.retries = address, dict(job), retries

    def run(self, tasks: Sequence[Task]) -> list[JobReturn]:
        """Run the tasks as the cluster has room and return their results in order.

        Raises:
            ConfigurationError: Ray is not installed, or there is no such cluster.
        """
        require_extra("hydra/launcher=ray", "ray", "ray")
        import ray

        if not ray.is_initialized():
            try:
                ray.init(address=self.address, include_dashboard=False)
            except ConnectionError as error:
                raise ConfigurationError(
                    "hydra.launcher.address must be null (this machine), auto, or the host:port of"
                    f" a running Ray cluster, got {self.address!r}, where none answers"
                ) from error
        remote = ray.remote(max_retries=self.retries, **self.job)(_call)
        references = [remote.remote(task) for task in tasks]
        try:
            return [
                _result(task, lambda ref=ref: ray.get(ref), (ray.exceptions.RayError,))  # type: ignore[misc]
                for task, ref in zip(tasks, references, strict=True)
            ]
        except KeyboardInterrupt:
            for reference in references:
                ray.cancel(reference)  # interrupts it, so it saves
            ray.wait(references, num_returns=len(references), timeout=SAVING)
            raise


def _call(task: Task) -> JobReturn:
    return task()


def _result(
    task: Task, get: Callable[[], JobReturn], died: tuple[type[Exception], ...]
) -> JobReturn:
    try:
        return get()
    except died as error:
        return task.crashed(one_line(error))
