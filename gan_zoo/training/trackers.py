"""The shipped trackers, which show a run outside its folder.

Each fulfils ``gan_zoo.types.Tracker``, checks on creation that its package is installed, and
imports it when it begins.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from gan_zoo.config.validate import require_extra
from gan_zoo.runs.record import RunRecord
from gan_zoo.training.tracking import final_values, headline, hyperparameters

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

Values = Mapping[str, float]
Pictures = Mapping[str, Path]


@dataclass(frozen=True)
class Untracked:
    """Show nothing: the default."""

    def begin(self, folder: Path, record: RunRecord) -> None:
        """Do nothing."""

    def log(self, epoch: int, values: Values, pictures: Pictures) -> None:
        """Do nothing."""

    def end(self, record: RunRecord, pictures: Pictures) -> None:
        """Do nothing."""


@dataclass
class TensorBoard:
    """Write event files into the folder of the run: scalars and pictures by epoch, final metrics.

    ``tensorboard --logdir multirun/mine`` shows each run under its folder's name. The time of a
    point is the start of the run plus its training seconds, without evaluation and interruptions.

    Raises:
        ValueError: the package tensorboard is not installed.
    """

    _writer: "SummaryWriter | None" = field(default=None, init=False, repr=False)
    _started: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        require_extra("tracker=tensorboard", "tensorboard", "tensorboard")

    def begin(self, folder: Path, record: RunRecord) -> None:
        """Open a new event file, which makes readers drop the points of older ones.

        Older files stay, since a TensorBoard that is open may fail when they are removed.
        """
        from torch.utils.tensorboard import SummaryWriter

        self._close()
        self._started = datetime.fromisoformat(record.started).timestamp()
        self._writer = SummaryWriter(str(folder), purge_step=0)

    def log(self, epoch: int, values: Values, pictures: Pictures) -> None:
        """Write and flush an epoch."""
        self._write(epoch, self._started + values["progress/seconds"], values, pictures)

    def end(self, record: RunRecord, pictures: Pictures) -> None:
        """Write hyper-parameters with final metrics and pictures, if any, and close the file."""
        from torch.utils.tensorboard.summary import hparams

        if self._writer is not None and (record.metrics or pictures):
            metrics = final_values(record)
            time = self._started + record.progress["seconds"]
            self._write(int(record.progress["epoch"]), time, metrics, pictures)
            for summary in hparams(headline(record), metrics):
                self._writer._get_file_writer().add_summary(summary, walltime=time)
        self._close()

    def _write(self, epoch: int, time: float, values: Values, pictures: Pictures) -> None:
        assert self._writer is not None
        for name, value in values.items():
            self._writer.add_scalar(name, value, epoch, walltime=time)
        for name, path in pictures.items():
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            self._writer.add_image(name, pixels, epoch, walltime=time, dataformats="HWC")
        self._writer.flush()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None


@dataclass
class Trackio:
    """Write to Trackio's local database: scalars and pictures by epoch, hyper-parameters.

    ``trackio show --project gan_zoo`` shows them. A run is identified by the path of its folder.
    Trackio itself turns errors of writing into Python warnings.

    Args:
        project: of Trackio.

    Raises:
        ValueError: the package trackio is not installed.
    """

    project: str = "gan_zoo"
    _run: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        require_extra("tracker=trackio", "trackio", "trackio")

    def begin(self, folder: Path, record: RunRecord) -> None:
        """Start a new run of the project; delete an older one of the same folder."""
        import trackio

        path = folder.resolve()
        with redirect_stdout(sys.stderr):  # standard output is for the outcome alone
            self._finish()
            self._delete(str(path))
            self._run = trackio.init(
                self.project,
                name=path.name,
                group=path.parent.name,
                config={"folder": str(path), **hyperparameters(record)},
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def log(self, epoch: int, values: Values, pictures: Pictures) -> None:
        """Pass an epoch to Trackio, which writes it within a second."""
        import trackio

        caption = f"epoch {epoch}"
        images = {name: trackio.Image(path, caption=caption) for name, path in pictures.items()}
        self._run.log({**values, **images}, step=epoch)

    def end(self, record: RunRecord, pictures: Pictures) -> None:
        """Log final metrics and pictures, if any, and wait until everything is written."""
        with redirect_stdout(sys.stderr):
            metrics = final_values(record)
            if metrics or pictures:
                self.log(int(record.progress["epoch"]), metrics, pictures)
            self._finish()

    def _delete(self, folder: str) -> None:
        import trackio

        try:
            runs = list(trackio.Api().runs(self.project))
        except ValueError:  # the project does not exist yet
            return
        for run in runs:
            if (run.config or {}).get("folder") == folder:
                run.delete()

    def _finish(self) -> None:
        import trackio

        if self._run is not None:
            trackio.finish()  # the run's own method would be called again when the process ends
        self._run = None


@dataclass
class Wandb:
    """Write a run of Weights & Biases into the folder of the run; nothing is sent.

    ``wandb sync <folder>/wandb/offline-run-*`` uploads it. A run that resumes keeps its id.

    Args:
        project: of Weights & Biases.

    Raises:
        ValueError: the package wandb is not installed.
    """

    project: str = "gan_zoo"
    _run: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        require_extra("tracker=wandb", "wandb", "wandb")

    def begin(self, folder: Path, record: RunRecord) -> None:
        """Start a new offline run; delete an older one of the same folder."""
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read on import
        import wandb

        self._finish(0)
        path = folder.resolve()
        for older in (path / "wandb").glob("offline-run-*"):
            shutil.rmtree(older)
        self._run = wandb.init(
            project=self.project,
            id=_key(path),
            name=path.name,
            group=path.parent.name,
            dir=path,
            mode="offline",
            reinit="create_new",
            config={"folder": str(path), **hyperparameters(record)},
            settings=wandb.Settings(
                silent=True, console="off", disable_git=True, disable_code=True,
                x_disable_stats=True, x_save_requirements=False,
            ),
        )  # fmt: skip

    def log(self, epoch: int, values: Values, pictures: Pictures) -> None:
        """Pass an epoch to the writing process of Weights & Biases."""
        import wandb

        images = {name: wandb.Image(str(path)) for name, path in pictures.items()}
        self._run.log({**values, **images}, step=epoch)

    def end(self, record: RunRecord, pictures: Pictures) -> None:
        """Pass final metrics and pictures, if any, and end; the rest is written in a second."""
        if self._run is not None and (record.metrics or pictures):
            metrics = final_values(record)
            self.log(int(record.progress["epoch"]), metrics, pictures)
        self._finish(0 if record.status in ("finished", "diverged") else 1)

    def _finish(self, exit_code: int) -> None:
        if self._run is not None:
            self._run.finish(exit_code=exit_code)
        self._run = None


@dataclass
class MLflow:
    """Write to MLflow's local database: scalars and pictures by epoch, hyper-parameters.

    ``mlflow ui --backend-store-uri sqlite:///mlflow.db`` shows them. A run is identified by the
    path of its folder.

    Args:
        experiment: of MLflow.
        uri: of MLflow's store; a path after ``sqlite:///`` is relative to the current folder.

    Raises:
        ValueError: the package mlflow is not installed.
    """

    experiment: str = "gan_zoo"
    uri: str = "sqlite:///mlflow.db"
    _client: Any = field(default=None, init=False, repr=False)
    _run: str | None = field(default=None, init=False, repr=False)
    _started: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        database = ["sqlalchemy"] if self.uri.startswith("sqlite") else []
        require_extra("tracker=mlflow", "mlflow", "mlflow", *database)

    def begin(self, folder: Path, record: RunRecord) -> None:
        """Start a new run of the experiment; delete an older one of the same folder."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read on import
        import mlflow

        logging.getLogger("alembic").setLevel(logging.WARNING)  # a new database takes many steps
        path = folder.resolve()
        with _alone(self.uri):
            self._client = mlflow.MlflowClient(self.uri)
            experiment = self._experiment_id()
        same = f"tags.folder_key = '{_key(path)}'"
        for older in self._client.search_runs([experiment], same):
            self._client.delete_run(older.info.run_id)
        self._started = datetime.fromisoformat(record.started).timestamp()
        tags = {"folder": str(path), "folder_key": _key(path), "sweep": path.parent.name}
        created = self._client.create_run(
            experiment, start_time=round(1000 * self._started), tags=tags, run_name=path.name
        )
        self._run = created.info.run_id
        params = [
            mlflow.entities.Param(key, str(value)[:6000])  # as long as MLflow allows
            for key, value in hyperparameters(record).items()
        ]
        self._client.log_batch(self._run, params=params)

    def log(self, epoch: int, values: Values, pictures: Pictures) -> None:
        """Write an epoch; the time of a point is the start of the run plus training seconds."""
        self._write(epoch, values["progress/seconds"], values, pictures)

    def end(self, record: RunRecord, pictures: Pictures) -> None:
        """Write final metrics and pictures, if any, and how the run ended."""
        if self._run is None:
            return
        if record.metrics or pictures:
            metrics = final_values(record)
            progress = record.progress
            self._write(int(progress["epoch"]), progress["seconds"], metrics, pictures)
        ends = {"failed": "FAILED", "interrupted": "KILLED"}
        self._client.set_terminated(self._run, ends.get(record.status, "FINISHED"))
        self._run = None

    def _write(self, epoch: int, seconds: float, values: Values, pictures: Pictures) -> None:
        import mlflow

        time = round(1000 * (self._started + seconds))
        metrics = [mlflow.entities.Metric(k, v, time, epoch) for k, v in values.items()]
        self._client.log_batch(self._run, metrics=metrics)
        for name, path in pictures.items():
            self._client.log_artifact(self._run, str(path), name)

    def _experiment_id(self) -> str:
        import mlflow

        found = self._client.get_experiment_by_name(self.experiment)
        if found is None:
            try:
                return str(self._client.create_experiment(self.experiment))
            except mlflow.exceptions.MlflowException:  # another worker was faster
                found = self._client.get_experiment_by_name(self.experiment)
        return str(found.experiment_id)


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Let one process at a time open a SQLite database, since the first one creates its tables."""
    _, of_sqlite, path = uri.partition("?")[0].partition("sqlite:///")
    if not of_sqlite:
        yield
        return
    with Path(f"{path}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # ends with the file, or with the process
        yield


def _key(folder: Path) -> str:
    """Return a short name of a folder, by which a service finds its run again."""
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
