"""What our launchers share: a job that travels to a worker, and what is made of a dead one."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from gan_zoo.config.validate import one_line
from gan_zoo.types import WorkerCrashed


@dataclass(frozen=True)
class Task:
    """One job, to be called in the process that runs it."""

    context: HydraContext
    function: TaskFunction
    config: DictConfig  # the launching process's
    words: list[str]  # the job's overrides
    number: int
    folder: str  # where the command was given: paths are relative to it
    singletons: dict[Any, Any]  # Hydra's, of the launching process

    def __call__(self) -> JobReturn:
        """Run it; an exception of the run is inside what is returned."""
        os.chdir(self.folder)  # a worker of a cluster is anywhere
        from gan_zoo.cli.train import prepare_hydra

        Singleton.set_state(self.singletons)
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

    def checkpoint(self) -> Any:
        """What submitit puts into the queue again at a time limit; the run goes on by itself."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class JobsLauncher(Launcher):
    """Makes the jobs of a sweep; a subclass runs them."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Called by Hydra before ``launch``."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run all jobs to their end, whatever becomes of one."""
        setup_globals()
        state = Singleton.get_state()
        return self.run([
            Task(
                self.hydra_context, self.task_function, self.config, list(words),
                initial_job_idx + number, str(Path.cwd()), state,
            )
            for number, words in enumerate(job_overrides)
        ])  # fmt: skip

    def run(self, tasks: Sequence[Task]) -> list[JobReturn]:
        """Run them and wait; in their order what each returned, ``dead`` for one that died."""
        raise NotImplementedError


def dead(task: Task, error: BaseException) -> JobReturn:
    """Tell of a job that died, now; the sweeper learns it when all others are done."""
    words = " ".join(task.words)
    why = one_line(error)[:300]
    print(f"gan_zoo: {words} died: {why}", file=sys.stderr, flush=True)
    gone = JobReturn(overrides=task.words, status=JobStatus.FAILED)
    gone.return_value = WorkerCrashed(f"{words} died: {why}")
    return gone
