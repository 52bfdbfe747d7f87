"""Write the files of a run: history, pictures and weights as they arise, and the record."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from gan_zoo.evaluation.evaluator import GRID_COLUMNS
from gan_zoo.evaluation.fixed_latents import evaluating
from gan_zoo.evaluation.health import Collapse
from gan_zoo.evaluation.measurement import Measurement
from gan_zoo.models.discriminator import scores_of_copies
from gan_zoo.runs.record import (
    HISTORY_NAME,
    METRICS_NAME,
    TIMING_NAME,
    RunRecord,
    RunSpec,
    write_bytes,
    write_lines,
    write_record,
    write_rows,
)
from gan_zoo.runs.weights import save_epoch, to_safetensors, weight_path
from gan_zoo.training.motion import Players, observe
from gan_zoo.training.motion_pictures import animation, strip
from gan_zoo.training.pictures import landscape, loss_curve, sample_grid, sample_scatter
from gan_zoo.types import DivergenceError

if TYPE_CHECKING:
    from gan_zoo.training.trainer import Trainer

# What the record says of the epochs so far; the rest belongs to the process or to the end.
OF_EPOCHS = ("started", "best", "artifacts", "progress", "collapses", "unavailable")


def grid_name(epoch: int) -> str:
    """Return the path of an epoch's sample picture in the folder of its run."""
    return f"samples/plot_epoch_{epoch:03d}_generated.png"


@dataclass
class RunWriter:
    """Write a run's folder. Nothing else changes the record.

    ``history.csv`` holds what configuration and seed determine, ``timing.csv`` what depends on the
    machine's speed, so that the former can be compared byte by byte; ``metrics.jsonl`` holds both.

    Args:
        folder: of the run.
        spec: of the run.
    """

    folder: Path
    spec: RunSpec
    history: list[dict[str, float]] = field(default_factory=list)
    timing: list[dict[str, float]] = field(default_factory=list)
    best_weights: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.record = RunRecord(**vars(self.spec), status="running")

    def write(self, **fields: Any) -> None:
        """Set fields of the record and write it."""
        for name, value in fields.items():
            setattr(self.record, name, value)
        write_record(self.folder, self.record)

    def state_dict(self) -> dict[str, Any]:
        """Return record, history and best weights.

        The file of the best weights may be of an epoch that a rollback or a kill took back.
        """
        return {
            "record": asdict(self.record), "history": self.history, "timing": self.timing,
            "best_weights": self.best_weights,
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state, and rewrite the files that it determines; rollbacks are never undone."""
        self.history, self.timing = list(state["history"]), list(state["timing"])
        for name in OF_EPOCHS:
            setattr(self.record, name, state["record"][name])
        rollbacks: list[dict[str, Any]] = state["record"]["rollbacks"]
        if len(rollbacks) > len(self.record.rollbacks):
            self.record.rollbacks = list(rollbacks)
        self.best_weights = dict(state["best_weights"])
        for name, weights in self.best_weights.items():
            write_bytes(weight_path(self.folder, name, "best"), to_safetensors(weights))
        if self.history:
            self._write_history()

    def epoch(self, row: dict[str, float], seconds: float, images: int) -> float:
        """Append an epoch's row and its training seconds; return its images per second."""
        total = seconds + (self.timing[-1]["seconds"] if self.timing else 0.0)
        speed = images / seconds
        self.history.append(row)
        self.timing.append({"epoch": row["epoch"], "seconds": total, "images_per_second": speed})
        self._write_history()
        return speed

    def points(self) -> list[dict[str, float]]:
        """Return each epoch's row with the training seconds so far and its speed."""
        pairs = zip(self.history, self.timing, strict=True)
        return [{**row, **timing} for row, timing in pairs]

    def _write_history(self) -> None:
        columns = list(dict.fromkeys(key for row in self.history for key in row))
        filled = [{key: row.get(key, "") for key in columns} for row in self.history]
        write_rows(self.folder / HISTORY_NAME, filled)
        write_rows(self.folder / TIMING_NAME, self.timing)
        write_lines(self.folder / METRICS_NAME, self.points())

    def progress(self, progress: Mapping[str, float]) -> None:
        """Write the record after an epoch: how far the run is, and its training seconds."""
        self.write(progress={**progress, "seconds": self.timing[-1]["seconds"]})

    def collapse(self, epoch: int, collapse: Collapse) -> None:
        """Note a sign of collapse."""
        self.record.collapses.append({
            "epoch": epoch, "quantity": collapse.quantity, "value": collapse.value,
        })  # fmt: skip

    def rollback(self, error: DivergenceError, to: int) -> int:
        """Note a rollback to the end of an epoch; return how many there are now."""
        entry = {"step": error.step, "quantity": error.quantity, "to_epoch": to}
        self.record.rollbacks.append(entry)
        return len(self.record.rollbacks)

    def unavailable(self, name: str, reason: str) -> bool:
        """Note why a metric or picture is missing; return whether that is new."""
        new = name not in self.record.unavailable
        if new:
            self.record.unavailable[name] = reason
        return new

    def samples(self, epoch: int, samples: Tensor, real: Tensor) -> None:
        """Write the epoch's picture: a grid of images, or toy points over real ones."""
        toy = samples.ndim == 2
        picture = sample_scatter(samples, real) if toy else sample_grid(samples, GRID_COLUMNS)
        self._artifact("grid", grid_name(epoch), picture)

    def weights(self, epoch: int, networks: Mapping[str, nn.Module], keep: int | None) -> None:
        """Write the epoch's weights; remove those older than the newest ``keep`` epochs."""
        save_epoch(self.folder, networks, epoch, keep)
        for name in networks:
            path = weight_path(self.folder, name, epoch)
            self.record.artifacts[name] = path.relative_to(self.folder).as_posix()

    def initial_weights(self, networks: Mapping[str, nn.Module]) -> None:
        """Write the weights before the first update, as those of epoch 0."""
        save_epoch(self.folder, networks, 0, None)

    def best(self, name: str, network: nn.Module, epoch: int, metric: str, value: float) -> None:
        """Keep a network's weights if the metric is smaller than ever before."""
        known = self.record.best.get(name)
        if math.isfinite(value) and (known is None or value < known["value"]):
            weights = {key: tensor.clone() for key, tensor in network.state_dict().items()}
            self.best_weights[name] = weights
            self.record.best[name] = {"epoch": epoch, "metric": metric, "value": value}
            path = weight_path(self.folder, name, "best").relative_to(self.folder)
            self._artifact(f"{name}_best", path.as_posix(), to_safetensors(weights))

    def classes(self, measurements: Mapping[str, Measurement]) -> None:
        """Write the metrics of each class, and the confusion matrix.

        Args:
            measurements: by the prefix of their metrics; the last one's confusions are written.
        """
        columns = {
            f"{prefix}{name}": values
            for prefix, measurement in measurements.items()
            for name, values in measurement.per_class.items()
        }
        if columns:
            rows = zip(*columns.values(), strict=True)
            self._table("per_class", [
                {"class": k, **dict(zip(columns, row, strict=True))} for k, row in enumerate(rows)
            ])  # fmt: skip
        confusion = list(measurements.values())[-1].confusion
        if confusion:
            self._table("confusion_matrix", [
                {"label": k, **{str(i): n for i, n in enumerate(row)}}
                for k, row in enumerate(confusion)
            ])  # fmt: skip

    def result(
        self,
        measured: Mapping[str, Measurement],
        scores: Mapping[str, Mapping[str, float]],
        measured_epoch: int | None,
    ) -> None:
        """Set the final metrics of the record, to be written at the end of the run.

        Args:
            measured: by the prefix of the metrics.
            scores: metric -> its values of real data and of baselines.
            measured_epoch: of a diverged run.
        """
        self.record.measured_epoch = measured_epoch
        self.record.metrics = {
            f"{prefix}{name}": value if math.isfinite(value) else None
            for prefix, measurement in measured.items()
            for name, value in measurement.values.items()
        }
        self.record.intervals = {
            f"{prefix}{name}": list(ends)
            for prefix, measurement in measured.items()
            for name, ends in measurement.intervals.items()
            if all(map(math.isfinite, ends))
        }
        self.record.reference_scores = {name: dict(values) for name, values in scores.items()}

    def picture(self, name: str, png: bytes) -> None:
        """Write a further picture that the report shows."""
        self._artifact(name, f"pictures/{name}.png", png)

    def curve(self) -> None:
        """Write the picture of both networks' losses."""
        self._artifact("loss_curve", "loss_curve.png", loss_curve(self.history))

    def landscape(self, discriminator: nn.Module, samples: Tensor, real: Tensor) -> None:
        """Write D's score over the plane with samples and real points; for 2-D points only."""
        if samples.shape[1:] == (2,):
            with evaluating(discriminator):
                picture = landscape(partial(scores_of_copies, discriminator), samples, real)
            self._artifact("landscape", "landscape.png", picture)

    def motion(self, trainer: "Trainer", real: Tensor) -> None:
        """Write how the generated points moved over the epochs so far: an animation and a strip.

        It begins after the first epoch if the option was given later, with a resumed run.
        """
        started = weight_path(self.folder, "discriminator", 0).exists()
        updates = ({0: 0} if started else {}) | {
            int(row["epoch"]): int(row["generator_updates"]) for row in self.history
        }
        players = Players(
            trainer.generator, trainer.discriminator, trainer.objective.loss, trainer.latents,
            trainer.latent_dim,
        )  # fmt: skip
        seen = observe(self.folder, updates, players, real)
        runs = {f"{self.spec.loss}, seed {self.spec.seed}": seen}
        self._artifact("motion", "motion.webp", animation(runs))
        self._artifact("motion_strip", "motion_strip.webp", strip(runs))

    def _table(self, name: str, rows: list[dict[str, float]]) -> None:
        write_rows(self.folder / f"{name}.csv", rows)
        self.record.artifacts[name] = f"{name}.csv"

    def _artifact(self, name: str, path: str, content: bytes) -> None:
        write_bytes(self.folder / path, content)
        self.record.artifacts[name] = path
