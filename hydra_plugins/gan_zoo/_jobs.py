"""The jobs of a sweep, which launchers run.

Hydra loads every module of its plugins anew, which makes other classes of the same name, but those
whose name starts with an underscore.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from gan_zoo.runs.workers import takes_any_gpu
from gan_zoo.types import WorkerCrashed

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

    @property
    def takes_any_gpu(self) -> bool:
        """Whether the job takes whichever GPU it gets, since its configuration names none."""
        return takes_any_gpu(self.words, str(self.config.device))

    def on(self, gpus: Sequence[str], worker: int) -> "Task":
        """Return the job with the GPU of a worker, unless its configuration names a device."""
        if not gpus or not self.takes_any_gpu:
            return self
        return replace(self, gpu=gpus[worker % len(gpus)])

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
