"""Does G's gradient vanish as D gets better?  Critics trained from scratch against a frozen G.

Source: Arjovsky, Bottou 2017 (arXiv 1701.04862), figures 2 and 3.
"""

import math
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch

from gan_zoo.config.build import build
from gan_zoo.config.compose import compose_config
from gan_zoo.experiments.sweep_results import finished_runs
from gan_zoo.report.formatting import table
from gan_zoo.report.plot_style import style
from gan_zoo.runs.record import write_bytes, write_rows
from gan_zoo.runs.weights import load_weights, weight_path
from gan_zoo.runs.workers import cores_here
from gan_zoo.training.build import build_trainer
from gan_zoo.training.pictures import new_figure, to_png
from gan_zoo.training.trainer import Trainer

LOSSES = (
    "minimax", "bce", "lsgan", "wgan", "wgan_gp", "hinge", "fgan_kl", "fgan_reverse_kl",
)  # fmt: skip
EPOCHS = (1, 10, 25)  # of G, as in the paper
UPDATES = 300  # of D against each frozen G
MEASUREMENTS = 15  # in the course of them, evenly spread
BATCHES = 2  # of each measurement

Row = dict[str, float | int | str]


class Duel(NamedTuple):
    """A critic to be trained against a frozen generator."""

    generator: str  # what it is called in table and picture
    loss: str  # of the critic
    seed: int
    words: tuple[str, ...]  # of its configuration
    weights: Path | None  # of the generator; None: as it is built


def summarise(folder: Path, updates: int = UPDATES, workers: int | None = None) -> str:
    """Train critics against the generators of the finished runs below ``folder``; table of them.

    Also writes vanishing_gradient.csv, a row for each measurement, and a picture.

    Args:
        folder: of the sweep.
        updates: of each critic.
        workers: processes; None: as many as there are cores.
    """
    tasks = duels(folder)
    count = workers or cores_here()
    if count == 1:
        done = [course(duel, updates) for duel in tasks]
    else:
        with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
            done = list(pool.map(partial(course, updates=updates), tasks))
    rows: list[Row] = [row for rows in done for row in rows]
    write_rows(folder / "vanishing_gradient.csv", rows)
    write_bytes(folder / "vanishing_gradient.png", picture(rows))
    rows_shown: list[dict[str, object]] = []
    for generator, loss in dict.fromkeys((str(r["generator"]), str(r["loss"])) for r in rows):
        mine = [row for row in rows if (row["generator"], row["loss"]) == (generator, loss)]
        first, last = (
            {row["seed"]: row for row in mine if row["updates"] == at}
            for at in (0, max(int(row["updates"]) for row in mine))
        )
        fallen = [_ratio(last[seed], first[seed]) for seed in first]
        rows_shown.append({
            "G": generator, "D's loss": loss, "seeds": len(first),
            "D's accuracy": statistics.median(float(row["accuracy"]) for row in last.values()),
            "gradient at first": _short(float(row["gradient"]) for row in first.values()),
            "at last": _short(float(row["gradient"]) for row in last.values()),
            "last / first": _short(fallen),
            "least to most": f"{min(fallen):.2g} to {max(fallen):.2g}",
        })  # fmt: skip
    return "\n".join([
        f"Norm of G's gradient before and after {updates} updates of D against a frozen G (medians"
        " over seeds):",
        table(rows_shown),
    ])  # fmt: skip


def duels(folder: Path) -> list[Duel]:
    """Each loss against each kept generator of each run, and against a line at distance 1."""
    found = []
    for run, record in finished_runs(folder):
        for loss in LOSSES:
            own = [f"loss={loss}", f"seed={record.seed}", "device=cpu"]
            words = (*record.overrides, *own)
            for epoch in EPOCHS:
                weights = weight_path(run, "generator", epoch)
                if weights.exists():
                    name = f"G of {epoch} epoch{'s' * (epoch > 1)}"
                    found.append(Duel(name, loss, record.seed, words, weights))
            words = ("experiment=parallel_lines", "model.generator.theta=1.0", *own)
            found.append(Duel("line at distance 1", loss, record.seed, words, None))
    return found


def course(duel: Duel, updates: int) -> list[Row]:
    """Train one critic, and measure it on the way.

    Args:
        duel: which one.
        updates: of D.
    """
    torch.set_num_threads(1)
    trainer = build_trainer(build(compose_config(duel.words)))
    if duel.weights is not None:
        load_weights(duel.weights, trainer.generator)
    every = max(1, updates // MEASUREMENTS)
    rows: list[Row] = []
    for update in range(updates + 1):
        if update % every == 0 or update == updates:
            accuracy, gradient = measured(trainer)
            rows.append({
                "generator": duel.generator, "loss": duel.loss, "seed": duel.seed,
                "updates": update, "accuracy": accuracy, "gradient": gradient,
            })  # fmt: skip
        if update < updates:
            trainer.discriminator_backward(trainer.discriminator_batches.next())
            trainer.discriminator_update()
            for log in trainer.logs.values():
                log.clear()
    return rows


def measured(trainer: Trainer) -> tuple[float, float]:
    """D's accuracy and the norm of the gradient of G's loss by all of G's weights, on new batches.

    The accuracy is the share of pairs of a real and a fake sample whose real one scores higher: of
    the score alone, so that losses whose scores have no level compare too.  The norm is a mean.
    """
    shares, norms = [], []
    for _ in range(BATCHES):
        with torch.no_grad():
            real = trainer.discriminator_batches.next()
            fake = trainer.fakes(len(real.labels), trainer.discriminator_rng)
            scores = trainer.discriminator(torch.cat([real.images, fake.images])).scores.float()
            on_real, on_fake = scores.split(len(real.labels))
        shares.append(ordered(on_real, on_fake))
        trainer.generator_backward()
        norms.append(float(trainer.logs["gradient_norm_generator"].pop()))
    return statistics.mean(shares), statistics.mean(norms)


def ordered(real: torch.Tensor, fake: torch.Tensor) -> float:
    """Return the share of pairs whose real score is higher, ties half: the area under the ROC."""
    gap = real[:, None] - fake
    return float((gap > 0).float().mean() + (gap == 0).float().mean() / 2)


def picture(rows: list[Row]) -> bytes:
    """PNG with a panel for each loss: G's gradient over D's updates, bands from least to most seed.

    Dotted, on the right axis: D's accuracy.
    """
    losses = list(dict.fromkeys(str(row["loss"]) for row in rows))
    generators = list(dict.fromkeys(str(row["generator"]) for row in rows))
    columns = min(3, len(losses))
    lines = math.ceil(len(losses) / columns)
    figure = new_figure(7, 1.9 * lines + 0.6)
    first = None
    for number, loss in enumerate(losses):
        axes = figure.add_subplot(lines, columns, number + 1, sharex=first, sharey=first)
        first = first or axes
        right = axes.twinx()
        for index, name in enumerate(generators):
            colour = style(index).light
            mine = [row for row in rows if (row["loss"], row["generator"]) == (loss, name)]
            at = sorted({int(row["updates"]) for row in mine})
            low, middle, high = _band(mine, at, "gradient")
            axes.plot(at, middle, color=colour, linewidth=1.2, label=name)
            axes.fill_between(at, low, high, color=colour, alpha=0.2, linewidth=0)
            right.plot(
                at, _band(mine, at, "accuracy")[1], ":", color=colour, linewidth=1, alpha=0.6
            )
        axes.set_yscale("log")
        right.set_ylim(0.4, 1.02)
        axes.set_title(loss, fontsize=9)
        for side in (axes, right):
            side.tick_params(labelsize=8)
            side.spines["top"].set_visible(False)
        if (number + 1) % columns and number + 1 < len(losses):
            right.set_yticklabels([])
        if number % columns:
            axes.tick_params(labelleft=False)
    figure.supxlabel("updates of D against the frozen G", fontsize=9)
    figure.supylabel("norm of G's gradient; dotted, on the right: D's accuracy", fontsize=9)
    handles = [] if first is None else first.get_lines()
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    return to_png(figure)


def _band(rows: list[Row], at: Sequence[int], name: str) -> tuple[list[float], ...]:
    """Least, median and largest value over the seeds at each number of updates."""
    by_update = [[float(row[name]) for row in rows if row["updates"] == update] for update in at]
    return tuple([statistic(values) for values in by_update]
                 for statistic in (min, statistics.median, max))  # fmt: skip


def _ratio(last: Row, first: Row) -> float:
    """Return 0 of 0 as 0: a gradient that is not there has vanished."""
    before = float(first["gradient"])
    return float(last["gradient"]) / before if before else 0.0


def _short(values: Any) -> str:
    return f"{statistics.median(values):.2g}"
