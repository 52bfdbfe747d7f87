"""Two parallel lines: distances by closed form, by trained critics, and the gradients G gets.

P is uniform on the line (0, y), Q on (theta, y), y in [0, 1]: for theta != 0 no point is on both.

Source: Arjovsky, Chintala, Bottou 2017 (arXiv 1701.07875), example 1 and figure 1.
"""

import csv
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_zoo.experiments.sweep_results import finished_runs
from gan_zoo.report.formatting import table
from gan_zoo.report.plot_style import style
from gan_zoo.runs.record import write_bytes, write_rows
from gan_zoo.training.pictures import new_figure, to_png


class Quantity(NamedTuple):
    """What a trained critic's loss estimates."""

    name: str
    exact: Callable[[float], float]  # of the distance theta
    estimate: Callable[[float, float], float]  # of L_D and the critic's largest slope


def jensen_shannon(theta: float) -> float:
    """JS(P, Q) in nats: log 2 however near the lines are, 0 where they are one."""
    return math.log(2) if theta else 0.0


def kl(theta: float) -> float:
    """KL(P||Q), and KL(Q||P) as well: infinite unless the lines are one."""
    return math.inf if theta else 0.0


def wasserstein(theta: float) -> float:
    """W1(P, Q): every point moves by the distance of the lines."""
    return abs(theta)


_JS = Quantity("JS", jensen_shannon, lambda loss, _: (math.log(4) - loss) / 2)
QUANTITIES = {
    "minimax": _JS,
    "bce": _JS,
    "fgan_kl": Quantity("KL", kl, lambda loss, _: -loss),
    "fgan_reverse_kl": Quantity("reverse KL", kl, lambda loss, _: -loss),
    # clipping bounds the slope by an unknown number, which has to be divided out
    "wgan": Quantity("W1", wasserstein, lambda loss, slope: -loss / slope),
    "wgan_gp": Quantity("W1", wasserstein, lambda loss, _: -loss),
}


def summarise(folder: Path) -> str:
    """Table of the finished runs' last estimates; the whole course is written beside a picture.

    Raises:
        ValueError: there is no finished run of a loss in ``QUANTITIES``.
    """
    rows = estimates(folder)
    if not rows:
        raise ValueError(f"{folder} holds no finished run of {', '.join(QUANTITIES)}")
    write_rows(folder / "parallel_lines.csv", rows)
    write_bytes(folder / "parallel_lines.png", picture(rows))
    last = max(int(row["updates"]) for row in rows)
    ends = [row for row in rows if row["updates"] == last]
    rows_shown: list[dict[str, object]] = []
    for loss, theta in dict.fromkeys((str(row["loss"]), float(row["theta"])) for row in ends):
        mine = [row for row in ends if (row["loss"], row["theta"]) == (loss, theta)]
        found = sorted(float(row["estimate"]) for row in mine)
        rows_shown.append({
            "loss": loss, "of": mine[0]["quantity"], "theta": theta,
            "exact": mine[0]["exact"], "estimate": statistics.median(found),
            "least": found[0], "most": found[-1], "seeds": len(mine),
            "|dL_G/dtheta|": f"{statistics.median(float(r['gradient']) for r in mine):.2g}",
        })  # fmt: skip
    return f"Distances of two parallel lines after {last} updates of D:\n{table(rows_shown)}"


def estimates(folder: Path) -> list[dict[str, float | int | str]]:
    """One row for each finished run below ``folder`` and each epoch of it."""
    rows: list[dict[str, float | int | str]] = []
    for run, record in finished_runs(folder):
        if record.loss not in QUANTITIES:
            continue
        quantity, theta = QUANTITIES[record.loss], record.config["model"]["generator"]["theta"]
        with (run / "history.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                loss = float(row["discriminator_test_generation"])
                rows.append({
                    "loss": record.loss, "seed": record.seed, "theta": theta,
                    "updates": int(row["discriminator_updates"]), "quantity": quantity.name,
                    "exact": quantity.exact(theta),
                    "estimate": quantity.estimate(loss, float(row["critic_lipschitz"])),
                    "gradient": float(row["gradient_norm_generator"]),
                })  # fmt: skip
    return rows


def picture(rows: list[dict[str, float | int | str]]) -> bytes:
    """PNG: estimates of JS, KL and W1 over the distance, and G's gradient; bands over seeds."""
    figure = new_figure(7, 5.6)
    panels = [figure.add_subplot(2, 2, number) for number in (1, 2, 3, 4)]
    titles = ("Jensen-Shannon, nats", "KL, nats", "Wasserstein-1", "G's gradient, |dL_G / dθ|")
    last = max(int(row["updates"]) for row in rows)
    losses = list(dict.fromkeys(str(row["loss"]) for row in rows))
    reach = max(float(row["theta"]) for row in rows)
    for number, loss in enumerate(losses):
        home = {"JS": 0, "KL": 1, "reverse KL": 1, "W1": 2}[QUANTITIES[loss].name]
        look: dict[str, Any] = {
            "color": style(number).light, "marker": style(number).marker, "markersize": 4,
            "linewidth": 1.2, "label": loss, "dashes": (3, number % 2),
        }  # fmt: skip
        for panel, value in ((panels[home], "estimate"), (panels[3], "gradient")):
            mine = [row for row in rows if row["loss"] == loss and row["updates"] == last]
            thetas = sorted({float(row["theta"]) for row in mine})
            found = [[float(row[value]) for row in mine if row["theta"] == t] for t in thetas]
            panel.plot(thetas, [statistics.median(values) for values in found], **look)
            low, high = [min(values) for values in found], [max(values) for values in found]
            panel.fill_between(thetas, low, high, color=style(number).light, alpha=0.2, linewidth=0)
        if home == 1:  # earlier estimates: they grow for as long as D is trained
            early = [row for row in rows if row["loss"] == loss and row["updates"] == last // 5]
            thetas = sorted({float(row["theta"]) for row in early})
            medians = [
                statistics.median(float(row["estimate"]) for row in early if row["theta"] == t)
                for t in thetas
            ]
            name = f"{loss}, after {last // 5} updates"
            panels[1].plot(thetas, medians, ":", color=look["color"], label=name)
    line = np.linspace(0, reach, 200)
    black: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 1, "label": "exact"}
    panels[0].plot(line[1:], [jensen_shannon(t) for t in line[1:]], **black)
    panels[0].plot(0, 0, "k.")
    panels[1].plot(0, 0, "k.", label="exact: 0 at 0, else infinite")
    panels[2].plot(line, [wasserstein(t) for t in line], **black)
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(title, fontsize=9)
        panel.set_xlabel("distance θ of the lines", fontsize=9)
        panel.tick_params(labelsize=8)
        panel.locator_params(axis="x", nbins=5)
        panel.spines[["top", "right"]].set_visible(False)
        if panel is not panels[3]:  # it has the same lines
            panel.legend(frameon=False, fontsize=8)
    panels[3].set_yscale("symlog", linthresh=1e-4)
    return to_png(figure)
