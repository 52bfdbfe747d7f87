"""``hydra/launcher=ray``: the jobs of a sweep as tasks of a Ray cluster."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.utils import JobReturn

from gan_zoo.types import ConfigurationError
from hydra_plugins.gan_zoo._jobs import JobsLauncher, Task, dead


class RayLauncher(JobsLauncher):
    """Attaches to a cluster or begins one on this machine.

    A job whose process or machine dies is begun again, up to ``retries`` times, and goes on from
    its state; the folder of the sweep must be shared by all machines.
    """

    def __init__(self, address: str | None, job: Mapping[str, Any], retries: int):
        self.address, self.job, self.retries = address, dict(job), retries

    def run(self, tasks: Sequence[Task]) -> list[JobReturn]:
        """Run them as the cluster has room.

        Raises:
            ConfigurationError: Ray is not installed, or there is no such cluster.
        """
        try:
            import ray
        except ImportError as error:
            raise ConfigurationError(
                "hydra/launcher=ray needs Ray: pip install 'gan-zoo[ray]'"
            ) from error
        if not ray.is_initialized():
            try:
                ray.init(address=self.address, include_dashboard=False)
            except ConnectionError as error:
                raise ConfigurationError(
                    f"hydra.launcher.address is {self.address!r}, and no Ray cluster answers there;"
                    " allowed: null for one on this machine, auto, or a head's host:port"
                ) from error
        remote = ray.remote(max_retries=self.retries, **self.job)(_call)
        references = [remote.remote(task) for task in tasks]
        try:
            return [_outcome(task, ref) for task, ref in zip(tasks, references, strict=True)]
        except KeyboardInterrupt:
            for reference in references:
                ray.cancel(reference)  # an interrupt for each, so that it saves
            ray.wait(references, num_returns=len(references), timeout=60)
            raise


def _call(task: Task) -> JobReturn:
    return task()


def _outcome(task: Task, reference: Any) -> JobReturn:
    import ray

    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        return dead(task, error)
