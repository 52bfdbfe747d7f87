"""``hydra/launcher=submitit_local|submitit_slurm``: a process or a SLURM job for each run."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.utils import JobReturn

from gan_zoo.config.validate import one_line
from gan_zoo.runs.workers import threads_of_a_worker, workers_of
from gan_zoo.types import ConfigurationError
from hydra_plugins.gan_zoo._jobs import JobsLauncher, Task, dead

POLL = 0.2  # seconds between two looks at local jobs


class SubmititLauncher(JobsLauncher):
    """Submits every job by submitit and waits for all.

    A job at its time limit is signalled, saves, and is put into the queue again up to ``requeues``
    times; the folder of the sweep must be shared by all machines.
    """

    def __init__(
        self,
        cluster: str,
        folder: str,
        requeues: int,
        parameters: Mapping[str, Any],
        n_jobs: int | None = None,
    ):
        self.cluster, self.folder, self.requeues = cluster, folder, requeues
        self.parameters = {k: v for k, v in parameters.items() if v is not None}
        self.workers = 0 if n_jobs is None else workers_of(n_jobs)

    def run(self, tasks: Sequence[Task]) -> list[JobReturn]:
        """Run them: local ones a few at a time, a SLURM array as the queue has room.

        Raises:
            ConfigurationError: submitit or SLURM is not there.
        """
        try:
            import submitit
        except ImportError as error:
            raise ConfigurationError(
                f"hydra/launcher=submitit_{self.cluster} needs submitit:"
                " pip install 'gan-zoo[slurm]'"
            ) from error
        try:
            executor = submitit.AutoExecutor(
                self.folder, cluster=self.cluster,
                **{f"{self.cluster}_max_num_timeout": self.requeues},
            )  # fmt: skip
        except RuntimeError as error:
            raise ConfigurationError(
                f"hydra/launcher=submitit_{self.cluster}: {error}; is this a machine that jobs can"
                " be submitted from?"
            ) from error
        executor.update_parameters(**self.parameters)
        if self.cluster != "local":
            return self._queue(executor, tasks)
        return self._few(executor, tasks)

    def _queue(self, executor: Any, tasks: Sequence[Task]) -> list[JobReturn]:
        from submitit.core.utils import FailedJobError

        try:
            with executor.batch():  # one array
                jobs = [executor.submit(task) for task in tasks]
        except FailedJobError as error:
            raise ConfigurationError(f"hydra.launcher.parameters: {one_line(error)}") from error
        try:
            return [_outcome(task, job) for task, job in zip(tasks, jobs, strict=True)]
        except KeyboardInterrupt:
            ids = " ".join(sorted({str(job.job_id).split("_")[0] for job in jobs}))
            print(f"gan_zoo: SLURM jobs go on; scancel {ids} ends them", file=sys.stderr)
            raise

    def _few(self, executor: Any, tasks: Sequence[Task]) -> list[JobReturn]:
        os.environ["OMP_NUM_THREADS"] = str(threads_of_a_worker(self.workers))  # jobs inherit it
        jobs: list[Any] = []
        try:
            for task in tasks:
                while sum(not job.done() for job in jobs) >= self.workers:
                    time.sleep(POLL)
                jobs.append(executor.submit(task))
            return [_outcome(task, job) for task, job in zip(tasks, jobs, strict=True)]
        except KeyboardInterrupt:
            for job in jobs:
                job.cancel()  # an interrupt for each, so that it saves
            raise


def _outcome(task: Task, job: Any) -> JobReturn:
    from submitit.core.utils import FailedJobError, UncompletedJobError

    try:
        return job.result()
    except (FailedJobError, UncompletedJobError) as error:
        return dead(task, error)
