"""The lessons of docs/lessons.md: what runs on points did, side by side and in motion."""

import csv
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from gan_zoo.config.build import build
from gan_zoo.experiments import fgan_mixture
from gan_zoo.experiments.sweep_results import finished_runs
from gan_zoo.report.formatting import table
from gan_zoo.runs.record import HISTORY_NAME, RunRecord, artifact_path, write_bytes, write_rows
from gan_zoo.training.build import build_trainer
from gan_zoo.training.load_generator import configuration_of
from gan_zoo.training.loop import PREFIXES
from gan_zoo.training.motion import Motion, Players, observe
from gan_zoo.training.motion_pictures import animation, strip
from gan_zoo.training.pictures import side_by_side

SHOWN = 3  # losses in the pictures


def summarise(folder: Path) -> str:
    """Return a table of how near the points of the finished runs below ``folder`` came.

    Also writes lesson.csv, and lesson.webp and lesson_strip.webp of the first seeds of up to
    ``SHOWN`` losses.

    Raises:
        ValueError: there is no finished run, or one without ``evaluation.motion``.
    """
    seen: dict[str, Motion] = {}
    rows: list[dict[str, object]] = []
    for run, record in finished_runs(folder):
        motion = watched(run, record)
        seen.setdefault(record.loss, motion)
        off, missed = distances(motion)
        rows.append({"loss": record.loss, "seed": record.seed, "off": off, "missed": missed})
    shown = dict(list(seen.items())[:SHOWN])
    write_rows(folder / "lesson.csv", rows)
    write_bytes(folder / "lesson.webp", animation(shown))
    write_bytes(folder / "lesson_strip.webp", strip(shown))
    losses: list[dict[str, object]] = []
    for loss in seen:
        mine = [row for row in rows if row["loss"] == loss]
        losses.append({
            "loss": loss, "seeds": len(mine),
            **{title: _spread([float(str(row[key])) for row in mine])
               for title, key in (("generated to nearest real", "off"),
                                  ("real to nearest generated", "missed"))},
        })  # fmt: skip
    return "\n".join([
        "Mean distances after the last update: median over seeds, least to most:",
        table(losses),
        f"gan_zoo: in motion: {folder / 'lesson.webp'}",
    ])  # fmt: skip


def divergences(folder: Path) -> str:
    """Return ``summarise`` and the tables of ``fgan_mixture``."""
    return f"{fgan_mixture.summarise(folder)}\n{summarise(folder)}"


def conditioning(folder: Path) -> str:
    """Write lesson.png: the last samples of each finished run, with their label accuracy."""
    pictures, lines = {}, []
    for run, record in finished_runs(folder):
        metric = f"{PREFIXES[record.headline]}label_accuracy_"
        found = (v for name, v in record.metrics.items() if name.startswith(metric))
        accuracy = next(found, None)
        weight = record.config["aux"]["weight_d"]
        head = "with the class loss" if weight else "without the class loss"
        words = (
            "label accuracy not measured" if accuracy is None else f"label accuracy {accuracy:.3f}"
        )
        pictures[f"{head}: {words}"] = artifact_path(run, record, "grid").read_bytes()
        lines.append(f"{head}, seed {record.seed}: {words}")
    write_bytes(folder / "lesson.png", side_by_side(pictures))
    return "\n".join([*lines, f"gan_zoo: samples, a row for each label: {folder / 'lesson.png'}"])


def watched(folder: Path, record: RunRecord) -> Motion:
    """Return a run in motion, from its folder.

    Raises:
        ValueError: it did not keep all weights.
    """
    if "motion" not in record.artifacts:
        raise ValueError(f"{folder} has no motion: train with evaluation.motion=true")
    own = record.config["loss"]["_target_"].partition(".")[0]
    components = build(configuration_of(record, allow=own))
    trainer = build_trainer(components)
    with (folder / HISTORY_NAME).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    updates = {0: 0} | {int(row["epoch"]): int(row["generator_updates"]) for row in rows}
    players = Players(
        trainer.generator, trainer.discriminator, trainer.objective.loss, trainer.latents,
        trainer.latent_dim,
    )  # fmt: skip
    return observe(folder, updates, players, components.dataset.test.images)


def distances(motion: Motion) -> tuple[float, float]:
    """Return the mean distance of a generated point to the nearest real one, and the reverse."""
    real, points = motion.real, motion.moments[-1].points
    off, missed = (
        float(np.mean(cKDTree(to).query(of)[0])) for of, to in ((points, real), (real, points))
    )
    return off, missed


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2g} ({min(values):.2g} to {max(values):.2g})"
