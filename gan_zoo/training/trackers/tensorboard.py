"""TensorBoard's event files, in the folder of the run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gan_zoo.config.validate import require_extra
from gan_zoo.runs.record import RunRecord
from gan_zoo.training.trackers.hyperparameters import headline

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


@dataclass
class TensorBoard:
    """Scalars and pictures by epoch, final numbers beside the hyper-parameters.

    ``tensorboard --logdir multirun/mine`` shows each run under its folder's name. Points carry the
    time at which a run would have made them had it only trained: its start plus training seconds.

    Raises:
        ValueError: the package tensorboard is not installed.
    """

    _writer: "SummaryWriter | None" = field(default=None, init=False, repr=False)
    _started: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        require_extra("tracker=tensorboard", "tensorboard", "tensorboard")

    def begin(self, folder: Path, record: RunRecord) -> None:
        """Open a new event file in the folder, which makes readers drop the points of older ones.

        Those stay: a TensorBoard that is open may lose its thread when they are gone.
        """
        from torch.utils.tensorboard import SummaryWriter

        self._close()
        self._started = datetime.fromisoformat(record.started).timestamp()
        self._writer = SummaryWriter(str(folder), purge_step=0)

    def log(self, epoch: int, values: Mapping[str, float], pictures: Mapping[str, Path]) -> None:
        """Write them, to be seen at once."""
        time = self._started + values["progress/seconds"]
        self._write(epoch, time, values, pictures)

    def end(self, record: RunRecord, pictures: Mapping[str, Path]) -> None:
        """Hyper-parameters with final numbers, if there are any; then close."""
        from torch.utils.tensorboard.summary import hparams

        if self._writer is not None and record.metrics:
            metrics = {f"final/{k}": v for k, v in record.metrics.items() if v is not None}
            time = self._started + record.progress["seconds"]
            self._write(int(record.progress["epoch"]), time, metrics, pictures)
            for summary in hparams(headline(record), metrics):
                self._writer._get_file_writer().add_summary(summary, walltime=time)
        self._close()

    def _write(
        self, epoch: int, time: float, values: Mapping[str, float], pictures: Mapping[str, Path]
    ) -> None:
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
