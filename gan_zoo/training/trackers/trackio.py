"""Trackio: a local database of runs with a dashboard of its own."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gan_zoo.config.validate import require_extra
from gan_zoo.runs.record import RunRecord
from gan_zoo.training.trackers.hyperparameters import hyperparameters


@dataclass
class Trackio:
    """Scalars and pictures by epoch, the hyper-parameters as the run's configuration.

    ``trackio show --project gan_zoo`` shows them. A run is known by its folder's path. Trackio
    itself turns what goes wrong while it writes into Python warnings.

    Args:
        project: of Trackio's, which runs are shown under.

    Raises:
        ValueError: the package trackio is not installed.
    """

    project: str = "gan_zoo"
    _run: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        require_extra("tracker=trackio", "trackio", "trackio")

    def begin(self, folder: Path, record: RunRecord) -> None:
        """A new run of the project; an older one of the same folder is deleted."""
        import trackio

        with _stdout_is_ours():
            self._finish()
            where = str(folder.resolve())
            self._forget(where)
            self._run = trackio.init(
                self.project,
                name=folder.resolve().name,
                group=folder.resolve().parent.name,
                config={"folder": where, **hyperparameters(record)},
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def log(self, epoch: int, values: Mapping[str, float], pictures: Mapping[str, Path]) -> None:
        """Hand them to Trackio, which writes them within a second."""
        import trackio

        images = {name: trackio.Image(path, caption=f"epoch {epoch}") for name, path in
                  pictures.items()}  # fmt: skip
        self._run.log({**values, **images}, step=epoch)

    def end(self, record: RunRecord, pictures: Mapping[str, Path]) -> None:
        """The final numbers, if there are any, at the last epoch; waits until all is written."""
        with _stdout_is_ours():
            metrics = {f"final/{k}": v for k, v in record.metrics.items() if v is not None}
            if metrics:
                self.log(int(record.progress["epoch"]), metrics, pictures)
            self._finish()

    def _forget(self, folder: str) -> None:
        import trackio

        try:
            runs = list(trackio.Api().runs(self.project))
        except ValueError:  # there is no such project yet
            return
        for run in runs:
            if (run.config or {}).get("folder") == folder:
                run.delete()

    def _finish(self) -> None:
        import trackio

        if self._run is not None:
            trackio.finish()  # the run's own method would be called again as the process ends
        self._run = None


@contextmanager
def _stdout_is_ours() -> Iterator[None]:
    """What Trackio prints goes to standard error: standard output tells the outcome alone."""
    with redirect_stdout(sys.stderr):
        yield
