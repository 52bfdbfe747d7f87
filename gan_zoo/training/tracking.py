"""What a run's tracker is told, all of it from the journal; it moves no number and ends no run."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy

import torch

from gan_zoo.report.diagnostics import DIAGNOSTICS, PARTS, ROLES
from gan_zoo.training.run_writer import RunWriter, grid_name
from gan_zoo.types import ConfigurationError, Tracker

PROGRESS = (
    "generator_updates", "discriminator_updates", "images_seen", "seconds", "images_per_second",
)  # fmt: skip
LAST_PICTURES = ("interpolation", "class_walk", "nearest_neighbours", "loss_curve", "landscape")


class Tracking:
    """Tells a tracker of a run; whenever the run goes back, all is told anew from the journal.

    So a run that was killed and went on is shown as one that was not, wherever it was killed.

    Args:
        tracker: of the run.
        journal: what is told.
        warn: says something to the user.
    """

    def __init__(self, tracker: Tracker, journal: RunWriter, warn: Callable[[str], None]):
        self.tracker, self.journal, self.warn = tracker, journal, warn
        self.listens = False  # not before it has begun, and no more once it has failed

    def begin(self) -> None:
        """Tell all there is so far, before any training.

        Raises:
            ConfigurationError: the tracker cannot.
        """
        try:
            with _apart():
                self._anew()
        except Exception as error:
            raise ConfigurationError(
                f"{self._name()} cannot begin: {_told(error)}. Without it: tracker=none"
            ) from error
        self.listens = True

    def epoch(self) -> None:
        """Tell of the journal's newest epoch, now complete."""
        self._try(lambda: self._log(self.journal.points()[-1]))

    def back(self) -> None:
        """The journal went back to an earlier epoch: tell all anew."""
        self._try(self._anew)

    def end(self) -> None:
        """Tell how the run ended, as its record has it."""
        record = self.journal.record
        found = {f"final/{name}": record.artifacts.get(name) for name in LAST_PICTURES}
        pictures = {name: self.journal.folder / path for name, path in found.items() if path}
        self._try(lambda: self.tracker.end(deepcopy(record), pictures))

    def _anew(self) -> None:
        self.tracker.begin(self.journal.folder, deepcopy(self.journal.record))
        for point in self.journal.points():
            self._log(point)

    def _log(self, point: Mapping[str, float]) -> None:
        epoch = int(point["epoch"])
        values = {
            tag(name): value
            for name, value in point.items()
            if name != "epoch" and math.isfinite(value)
        }
        path = self.journal.folder / grid_name(epoch)
        self.tracker.log(epoch, values, {"samples": path} if path.exists() else {})

    def _try(self, tell: Callable[[], None]) -> None:
        if not self.listens:
            return
        try:
            with _apart():
                tell()
        except Exception as error:
            self.listens = False
            self.warn(
                f"{self._name()} failed: {_told(error)}. The run goes on without it; its folder has"
                " everything"
            )

    def _name(self) -> str:
        return f"tracker {type(self.tracker).__name__}"


def tag(column: str) -> str:
    """A column's name under its group, which is how trackers sort their charts.

    >>> [tag(name) for name in ("generator_train_loss", "score_gap", "fid_mnistcnn_validation_1k")]
    ['loss/generator_train_loss', 'diagnostics/score_gap', 'validation/fid_mnistcnn_validation_1k']
    """
    role, _, part = column.partition("_")
    if column in PROGRESS:
        group = "progress"
    elif column.startswith(tuple(DIAGNOSTICS)):
        group = "diagnostics"
    elif role in ROLES and part.rpartition("_")[2] in PARTS:
        group = "loss"
    else:
        group = "validation"
    return f"{group}/{column}"


@contextmanager
def _apart() -> Iterator[None]:
    """The training's random stream and gradients are none of a tracker's business."""
    with torch.random.fork_rng(), torch.no_grad():
        yield


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
