"""What a run writes into its folder, epoch by epoch; the record always last."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gan_zoo.evaluation.evaluator import GRID_COLUMNS
from gan_zoo.evaluation.fixed_latents import evaluating
from gan_zoo.evaluation.health import Collapse
from gan_zoo.evaluation.measurement import Measurement
from gan_zoo.runs.record import (
    HISTORY_NAME,
    METRICS_NAME,
    TIMING_NAME,
    RunRecord,
    write_bytes,
    write_lines,
    write_record,
    write_rows,
)
from gan_zoo.runs.weights import save_epoch, sealed_tensors, weight_path
from gan_zoo.training.landscape import landscape
from gan_zoo.training.pictures import loss_curve, sample_grid, sample_scatter

# What a record holds of the epochs so far; the rest belongs to the process or to the end.
CARRIED = ("started", "best", "artifacts", "progress", "collapses", "rollbacks", "unavailable")


def grid_name(epoch: int) -> str:
    """Where in a run's folder the picture of an epoch's samples is, if it has one."""
    return f"samples/plot_epoch_{epoch:03d}_generated.png"


@dataclass
class RunWriter:
    """A run's folder, its record, and its rows so far.

    ``history.csv`` holds what configuration and seed determine, ``timing.csv`` what the machine's
    speed adds, so that the former can be compared byte by byte; ``metrics.jsonl`` holds both.
    """

    folder: Path
    record: RunRecord
    history: list[dict[str, float]] = field(default_factory=list)
    timing: list[dict[str, float]] = field(default_factory=list)
    best_weights: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    def epoch(self, row: dict[str, float], seconds: float, images: int) -> float:
        """Add an epoch's row and its training seconds; its speed in images per second."""
        self.history.append(row)
        total = seconds + (self.timing[-1]["seconds"] if self.timing else 0.0)
        speed = images / seconds
        self.timing.append({"epoch": row["epoch"], "seconds": total, "images_per_second": speed})
        self._rows()
        return speed

    def content(self) -> dict[str, Any]:
        """What a state has to hold of the journal.

        The best weights are part of it: their file may be of an epoch that a rollback or a kill
        took back.
        """
        return {
            "record": asdict(self.record), "history": self.history, "timing": self.timing,
            "best_weights": self.best_weights,
        }  # fmt: skip

    def load_state_dict(self, content: Mapping[str, Any]) -> None:
        """Stand where ``content`` was taken; the files are made to fit."""
        self.history, self.timing = list(content["history"]), list(content["timing"])
        for name in CARRIED:
            setattr(self.record, name, content["record"][name])
        self.best_weights = dict(content["best_weights"])
        for name, weights in self.best_weights.items():
            self._save_best(name, weights)
        if self.history:
            self._rows()

    def collapse(self, epoch: int, collapse: Collapse) -> None:
        """Note a sign of collapse."""
        found = {"epoch": epoch, "quantity": collapse.quantity, "value": collapse.value}
        self.record.collapses.append(found)

    def _rows(self) -> None:
        columns = list(dict.fromkeys(key for entry in self.history for key in entry))
        filled = [{key: entry.get(key, "") for key in columns} for entry in self.history]
        write_rows(self.folder / HISTORY_NAME, filled)
        write_rows(self.folder / TIMING_NAME, self.timing)
        write_lines(self.folder / METRICS_NAME, self.points())

    def points(self) -> list[dict[str, float]]:
        """What is known of each epoch: its row, the training seconds so far, its speed."""
        pairs = zip(self.history, self.timing, strict=True)
        return [{**row, **timing} for row, timing in pairs]

    def samples(self, epoch: int, samples: Tensor, real: Tensor) -> None:
        """The epoch's picture: a grid of images, or toy points over real ones."""
        grid = grid_name(epoch)
        toy = samples.ndim == 2
        picture = sample_scatter(samples, real) if toy else sample_grid(samples, GRID_COLUMNS)
        write_bytes(self.folder / grid, picture)
        self.record.artifacts["grid"] = grid

    def weights(self, epoch: int, networks: Mapping[str, nn.Module], keep: int | None) -> None:
        """The epoch's weights, those of older epochs removed if ``keep`` says so."""
        save_epoch(self.folder, networks, epoch, keep)
        for name in networks:
            path = weight_path(self.folder, name, epoch)
            self.record.artifacts[name] = path.relative_to(self.folder).as_posix()

    def best(self, name: str, network: nn.Module, epoch: int, metric: str, value: float) -> None:
        """Keep a network's weights if the metric, which is better when smaller, never was so."""
        known = self.record.best.get(name)
        if math.isfinite(value) and (known is None or value < known["value"]):
            weights = {key: tensor.clone() for key, tensor in network.state_dict().items()}
            self._save_best(name, weights)
            self.best_weights[name] = weights
            self.record.best[name] = {"epoch": epoch, "metric": metric, "value": value}
            path = weight_path(self.folder, name, "best").relative_to(self.folder)
            self.record.artifacts[f"{name}_best"] = path.as_posix()

    def _save_best(self, name: str, weights: Mapping[str, Tensor]) -> None:
        write_bytes(weight_path(self.folder, name, "best"), sealed_tensors(weights))

    def measurement(self, measurement: Measurement, prefix: str) -> None:
        """Add final numbers to the record, and tables of those that classes have."""
        record = self.record
        for name, value in measurement.values.items():
            record.metrics[f"{prefix}{name}"] = value if math.isfinite(value) else None
        for name, ends in measurement.intervals.items():
            if all(map(math.isfinite, ends)):
                record.intervals[f"{prefix}{name}"] = list(ends)

    def classes(self, measurements: Mapping[str, Measurement]) -> None:
        """Write tables of the numbers that each class has, and of which was taken for which.

        Args:
            measurements: by the prefix of their metrics; the last one's confusions are written.
        """
        columns = {
            f"{prefix}{name}": values
            for prefix, measurement in measurements.items()
            for name, values in measurement.per_class.items()
        }
        if columns:
            labels = range(len(next(iter(columns.values()))))
            rows = [
                {"class": k, **{name: found[k] for name, found in columns.items()}} for k in labels
            ]
            self._table("per_class", rows)
        confusion = list(measurements.values())[-1].confusion
        if confusion:
            counts = enumerate(confusion)
            self._table(
                "confusion_matrix",
                [{"label": k, **{str(i): n for i, n in enumerate(row)}} for k, row in counts],
            )

    def picture(self, name: str, png: bytes) -> None:
        """A further picture that the report shows."""
        path = f"pictures/{name}.png"
        write_bytes(self.folder / path, png)
        self.record.artifacts[name] = path

    def _table(self, name: str, rows: list[dict[str, float]]) -> None:
        write_rows(self.folder / f"{name}.csv", rows)
        self.record.artifacts[name] = f"{name}.csv"

    def progress(self, progress: Mapping[str, float]) -> None:
        """How far the run is, and the training seconds so far."""
        self.record.progress = {**progress, "seconds": self.timing[-1]["seconds"]}
        self.save()

    def curve(self) -> None:
        """The picture of both networks' losses."""
        write_bytes(self.folder / "loss_curve.png", loss_curve(self.history))
        self.record.artifacts["loss_curve"] = "loss_curve.png"

    def landscape(self, discriminator: nn.Module, samples: Tensor, real: Tensor) -> None:
        """D's score over the plane with samples and real points; of points in the plane only."""
        if samples.shape[1:] != (2,):
            return
        with evaluating(discriminator):
            picture = landscape(lambda points: discriminator(points).scores, samples, real)
        write_bytes(self.folder / "landscape.png", picture)
        self.record.artifacts["landscape"] = "landscape.png"

    def save(self) -> None:
        """Write the record as it stands."""
        write_record(self.folder, self.record)
