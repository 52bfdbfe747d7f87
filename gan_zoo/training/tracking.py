"""Report a run to its tracker, under names that trackers sort and compare runs by."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch

from gan_zoo.config.validate import one_line
from gan_zoo.data.devices import kept_global_streams
from gan_zoo.report.diagnostics import DIAGNOSTICS, PARTS, ROLES
from gan_zoo.runs.record import RunRecord
from gan_zoo.training.run_writer import RunWriter, grid_name
from gan_zoo.types import ConfigurationError, Tracker

PROGRESS = (
    "generator_updates", "discriminator_updates", "images_seen", "seconds", "images_per_second",
)  # fmt: skip
FINAL_PICTURES = ("interpolation", "class_walk", "nearest_neighbours", "loss_curve", "landscape")
# Groups of options that determine how a run trains, by which trackers compare runs.
GROUPS = ("loss", "regularizer", "optimizer", "model", "latents", "labels", "trainer", "aux")
# The options that tell most methods apart, where there is room for few.
HEADLINE = (
    "loss", "seed", "data", "regularizer", "optimizer.discriminator.lr", "optimizer.generator.lr",
    "trainer.n_critic", "trainer.batch_size", "trainer.generator_updates", "trainer.epochs",
)  # fmt: skip


class Tracking:
    """Report a run to its tracker; when the run returns to an earlier epoch, report it again.

    So a run that was killed and resumed is shown like one that was not. A tracker that fails after
    the start of training is dropped with a warning.

    Args:
        tracker: of the run.
        writer: what is reported.
        warn: prints a warning.
    """

    def __init__(self, tracker: Tracker, writer: RunWriter, warn: Callable[[str], None]):
        self.tracker, self.writer, self.warn = tracker, writer, warn
        self.active = False

    def begin(self) -> None:
        """Report everything so far, before any training.

        Raises:
            ConfigurationError: the tracker cannot begin.
        """
        try:
            with _isolated():
                self._report_all()
        except Exception as error:
            raise ConfigurationError(
                f"{self._name} cannot begin: {_error(error)}. To train without it: tracker=none"
            ) from error
        self.active = True

    def epoch(self) -> None:
        """Report the newest epoch, now complete."""
        self._try(lambda: self._log(self.writer.points()[-1]))

    def restart(self) -> None:
        """Report everything again: the run returned to an earlier epoch."""
        self._try(self._report_all)

    def end(self) -> None:
        """Report how the run ended."""
        folder, record = self.writer.folder, deepcopy(self.writer.record)
        paths = {name: record.artifacts.get(name) for name in FINAL_PICTURES}
        pictures = {f"final/{name}": folder / path for name, path in paths.items() if path}
        self._try(lambda: self.tracker.end(record, pictures))

    def _report_all(self) -> None:
        self.tracker.begin(self.writer.folder, deepcopy(self.writer.record))
        for point in self.writer.points():
            self._log(point)

    def _log(self, point: Mapping[str, float]) -> None:
        epoch = int(point["epoch"])
        values = {tag(k): v for k, v in point.items() if k != "epoch" and math.isfinite(v)}
        path = self.writer.folder / grid_name(epoch)
        self.tracker.log(epoch, values, {"samples": path} if path.exists() else {})

    def _try(self, report: Callable[[], None]) -> None:
        if not self.active:
            return
        try:
            with _isolated():
                report()
        except Exception as error:
            self.active = False
            self.warn(
                f"{self._name} failed: {_error(error)}. The run continues without it; its folder"
                " has everything"
            )

    @property
    def _name(self) -> str:
        return f"tracker {type(self.tracker).__name__}"


def tag(column: str) -> str:
    """Return a column's name under its group, by which trackers sort their charts.

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


def hyperparameters(record: RunRecord) -> dict[str, bool | int | float | str]:
    """Return loss, seed, data set and the options of ``GROUPS`` that are not null, dotted.

    An object's key is that of its ``_target_``, and its value the last part of it.

    >>> config = {"optimizer": {"generator": {"_target_": "torch.optim.Adam", "betas": [0.5, 0.9]}}}
    >>> for pair in hyperparameters(RunRecord("abc", "bce", 1, "running", config=config)).items():
    ...     print(*pair)
    loss bce
    seed 1
    optimizer.generator Adam
    optimizer.generator.betas 0.5, 0.9
    """
    found: dict[str, bool | int | float | str] = {"loss": record.loss, "seed": record.seed}
    if "name" in record.dataset:
        found["data"] = str(record.dataset["name"])
    for group in GROUPS:
        for key, value in _leaves(record.config.get(group), group):
            found.setdefault(key, value)  # the loss is named by its option, not by its class
    return found


def headline(record: RunRecord) -> dict[str, bool | int | float | str]:
    """Return the ``hyperparameters`` in ``HEADLINE``, and those that the command line changed."""
    changed = {word.partition("=")[0].lstrip("+~") for word in record.overrides}
    found = hyperparameters(record).items()
    return {key: value for key, value in found if key in HEADLINE or key in changed}


def final_values(record: RunRecord) -> dict[str, float]:
    """Return the final metrics that have a value, named ``final/<metric>``."""
    return {f"final/{name}": value for name, value in record.metrics.items() if value is not None}


def _leaves(node: Any, where: str) -> Iterator[tuple[str, bool | int | float | str]]:
    if isinstance(node, Mapping):
        for key, child in node.items():
            if key == "_target_":
                yield where, str(child).rpartition(".")[2]
            elif not str(key).startswith("_"):
                yield from _leaves(child, f"{where}.{key}")
    elif isinstance(node, list):
        yield where, ", ".join(map(str, node))
    elif node is not None:
        yield where, node if isinstance(node, bool | int | float) else str(node)


@contextmanager
def _isolated() -> Iterator[None]:
    """Keep a tracker from moving the training's random stream or its gradient mode."""
    with kept_global_streams(), torch.no_grad():
        yield


def _error(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(error)}"
