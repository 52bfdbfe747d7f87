"""Two clusters on the line: which losses leave the state in which all fakes sit on one of them?

Source: Sun, Fang, Schwing 2020 (arXiv 2011.04926), who show that this state is a basin of the loss
for objectives that judge every sample by itself, and none for relativistic ones.
"""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.metrics.intervals import share_interval
from gan_zoo.models import mlp
from gan_zoo.report.formatting import table
from gan_zoo.runs.record import RECORD_NAME, RunRecord, read_record, write_bytes, write_rows
from gan_zoo.runs.weights import read_weights, weight_path
from gan_zoo.training.load_generator import trained_generator
from gan_zoo.training.pictures import new_figure, to_png

BETWEEN = 2.15  # half way between the clusters' middles: points above it are on the second's side
LEFT = 0.25  # share of points there that counts as having left the first cluster; real points: 0.5
LATENTS = 1000


def collapsed_generator(
    *,
    image_shape: Sequence[int],
    num_classes: int,
    latent_dim: int = 1,
    hidden: Sequence[int] = (32, 32),
    activation: str = "tanh",
    at: float = 0.0,
) -> mlp.Generator:
    """Return an ``mlp.Generator`` that makes one and the same point before it is trained.

    Args:
        image_shape, num_classes, latent_dim, hidden, activation: as ``mlp.Generator``.
        at: that point, in each dimension.

    Raises:
        ValueError: as ``mlp.Generator``, or ``at`` is not finite.
    """
    if not math.isfinite(at):
        raise ValueError(f"generator.at is {at}; allowed: a finite number")
    generator = mlp.Generator(
        image_shape=image_shape, num_classes=num_classes, latent_dim=latent_dim,
        hidden=hidden, activation=activation,
    )  # fmt: skip
    nn.init.zeros_(generator.out.weight)
    nn.init.constant_(generator.out.bias, at)
    return generator


def summarise(folder: Path) -> str:
    """Table of the losses over the seeds of all runs below ``folder``, diverged ones among them.

    Raises:
        ValueError: there is no run.
    """
    runs = [(path.parent, read_record(path.parent)) for path in folder.glob(f"**/{RECORD_NAME}")]
    runs.sort(key=lambda run: run[1].started)
    rows = [row for run, record in runs for row in shares(run, record)]
    if not rows:
        raise ValueError(f"{folder} holds no run that came to the end of an epoch: see its report")
    write_rows(folder / "two_clusters.csv", rows)
    write_bytes(folder / "two_clusters.png", picture(rows))
    rows_shown: list[dict[str, object]] = []
    for loss in dict.fromkeys(record.loss for _, record in runs):
        mine = [record for _, record in runs if record.loss == loss]
        courses = _courses(rows, loss)
        # a run that diverged is where it was, and has not left
        left = [
            record.status == "finished" and courses.get(record.seed, [(0, 0.0)])[-1][1] >= LEFT
            for record in mine
        ]
        first = [next((at for at, share in course if share >= LEFT), math.inf)
                 for course in courses.values()]  # fmt: skip
        both = [gone and courses[record.seed][-1][1] <= 1 - LEFT
                for gone, record in zip(left, mine, strict=True)]  # fmt: skip
        ends = [course[-1][1] for course in courses.values()]
        rows_shown.append({
            "loss": loss, "seeds": len(mine), "left": _share(left), "on both": _share(both),
            "updates until left": _updates(statistics.median(first or [math.inf])),
            "share there at the end": statistics.median(ends) if ends else "-",
            "diverged": sum(record.status == "diverged" for record in mine),
        })  # fmt: skip
    return "\n".join([
        f"Seeds with {LEFT:.0%} or more of G's points on the second cluster's side at the end, and"
        f" those with {LEFT:.0%} or more on either side (95% intervals); the median of the updates"
        " until the first was so:",
        table(rows_shown),
    ])  # fmt: skip


def shares(folder: Path, record: RunRecord) -> list[dict[str, float | int | str]]:
    """Return the share of G's points at the second cluster, at the start and after each epoch."""
    rows: list[dict[str, float | int | str]] = []
    epochs = int(record.progress.get("epoch", 0))
    if not epochs:
        return rows
    own = str(record.config["model"]["generator"]["_target_"]).partition(".")[0]
    made = trained_generator(folder, "generator", "last", own)
    z = made.latents(LATENTS, made.network.latent_dim, stream(0, "two clusters: latents"))  # type: ignore[arg-type]
    updates = int(record.progress["generator_updates"])
    for epoch in range(epochs + 1):
        share = 0.0
        if epoch:
            made.network.load_state_dict(read_weights(weight_path(folder, "generator", epoch)))
            with torch.no_grad():
                points = made.network(z, torch.zeros(LATENTS, dtype=torch.int64))
            share = float((points > BETWEEN).float().mean())
        rows.append({
            "loss": record.loss, "seed": record.seed, "status": record.status,
            "updates": round(updates * epoch / epochs), "share": share,
        })  # fmt: skip
    return rows


def picture(rows: list[dict[str, float | int | str]]) -> bytes:
    """PNG: for each loss and seed the share of points at the second cluster over G's updates."""
    losses = list(dict.fromkeys(str(row["loss"]) for row in rows))
    columns = min(4, len(losses))
    lines = math.ceil(len(losses) / columns)
    figure = new_figure(7, 1.5 * lines + 0.3)
    first = None
    for number, loss in enumerate(losses, start=1):
        axes = first = figure.add_subplot(lines, columns, number, sharex=first, sharey=first)
        for course in _courses(rows, loss).values():
            at, share = zip(*course, strict=True)
            axes.plot(at, share, color="#0072b2", linewidth=0.8, alpha=0.6)
        axes.axhline(0.5, color="black", linestyle="--", linewidth=0.7)
        axes.set_ylim(-0.03, 1.03)
        axes.set_title(loss, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.locator_params(axis="x", nbins=3)
        axes.set_yticks([0, 0.5, 1])
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("updates of G (dashed: the share of the real points)", fontsize=9)
    figure.supylabel("share of G's points on the second side", fontsize=9)
    return to_png(figure)


def _courses(
    rows: list[dict[str, float | int | str]], loss: str
) -> dict[int, list[tuple[int, float]]]:
    """Of each seed: (updates, share), in order."""
    found: dict[int, list[tuple[int, float]]] = {}
    for row in rows:
        if row["loss"] == loss:
            course = found.setdefault(int(row["seed"]), [])
            course.append((int(row["updates"]), float(row["share"])))
    return found


def _share(hits: Sequence[bool]) -> str:
    low, high = share_interval(sum(hits) / len(hits), len(hits))
    return f"{sum(hits)} ({low:.2f} to {high:.2f})"


def _updates(median: float) -> str:
    return "never" if math.isinf(median) else f"{median:.0f}"
