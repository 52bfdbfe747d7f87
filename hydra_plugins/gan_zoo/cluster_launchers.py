"""Launchers of clusters: SLURM jobs by submitit, and Ray."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.utils import JobReturn

from gan_zoo.config.validate import one_line, require_extra
from gan_zoo.runs.workers import report_idle, visible_gpus
from gan_zoo.types import ConfigurationError
from hydra_plugins.gan_zoo._jobs import SAVING, JobsLauncher, Task


@dataclass(frozen=True)
class Group:
    """Jobs of a sweep that one job of a cluster runs."""

    tasks: list[Task]

    def __call__(self) -> list[JobReturn]:
        """Run the jobs at the same time, each in a process of its own if there are several."""
        if len(self.tasks) == 1:
            return [self.tasks[0]()]
        from hydra_plugins.gan_zoo.launchers import ProcessLauncher  # another one once it is loaded

        return ProcessLauncher(len(self.tasks)).run(self.tasks)

    def checkpoint(self) -> Any:
        """Return what submitit requeues at a time limit: the same jobs, which resume their runs."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def groups_of(tasks: Sequence[Task], size: int) -> list[Group]:
    """Return the jobs in groups of that size; the last may be smaller."""
    return [Group(list(tasks[start : start + size])) for start in range(0, len(tasks), size)]


class SubmititLauncher(JobsLauncher):
    """``hydra/launcher=submitit_slurm|submitit_local``: submit every job and wait for all.

    A SLURM job has ``runs_per_job`` jobs of the sweep, which run at the same time and share its
    cores and GPUs.

    A job at its time limit is signalled, saves, and is requeued up to ``requeues`` times; the
    sweep's folder must be on a file system that all machines share.
    """

    def __init__(
        self,
        cluster: str,
        folder: str,
        requeues: int,
        parameters: Mapping[str, Any],
        runs_per_job: int = 1,
    ):
        if type(runs_per_job) is not int or runs_per_job < 1:
            raise ConfigurationError(
                f"hydra.launcher.runs_per_job must be at least 1, got {runs_per_job!r}"
            )
        self.cluster, self.folder, self.requeues = cluster, folder, requeues
        self.runs_per_job = runs_per_job
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
                placed = [task.on(gpus, number) for number, task in enumerate(tasks)]
                jobs = [executor.submit(group) for group in groups_of(placed, self.runs_per_job)]
        except (RuntimeError, FailedJobError) as error:
            raise ConfigurationError(
                f"hydra/launcher=submitit_{self.cluster}: {one_line(error)}. Check"
                " hydra.launcher.parameters, and that jobs can be submitted from this machine"
            ) from error
        try:
            returns: list[JobReturn] = []
            for group, job in zip(groups_of(tasks, self.runs_per_job), jobs, strict=True):
                try:
                    returns += job.result()
                except (FailedJobError, UncompletedJobError) as error:
                    returns += [task.crashed(one_line(error)) for task in group.tasks]
            return returns
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

    def __init__(self, address: str | None, job: Mapping[str, Any], retries: int, per_gpu: int = 1):
        if type(per_gpu) is not int or per_gpu < 1:
            raise ConfigurationError(f"hydra.launcher.per_gpu must be at least 1, got {per_gpu!r}")
        self.address, self.job, self.retries = address, dict(job), retries
        self.per_gpu = per_gpu

    def job_of(self, tasks: Sequence[Task], gpus: float) -> dict[str, Any]:
        """Return what a job takes of a cluster with so many GPUs; print if they stay idle."""
        wanted = any(task.takes_any_gpu for task in tasks)
        share = self.job.get("num_gpus")
        if share is None:
            share = 1 / self.per_gpu if gpus and wanted else 0
        if wanted and not share:
            report_idle(int(gpus), 0, "set hydra.launcher.job.num_gpus=null")
        return {**self.job, "num_gpus": share}

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
        job = self.job_of(tasks, ray.cluster_resources().get("GPU", 0))
        remote = ray.remote(max_retries=self.retries, **job)(_call)
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
