"""The Dirac-GAN: where (theta, psi) went, and how near to the equilibrium (0, 0) it ended.

Source: Mescheder, Geiger, Nowozin 2018 (arXiv 1801.04406), section 2 and figure 1.
"""

import math
from pathlib import Path

from gan_zoo.experiments.runs import finished_runs
from gan_zoo.report.formatting import table
from gan_zoo.runs.record import RunRecord, write_bytes, write_rows
from gan_zoo.runs.weights import read_weights, weight_path
from gan_zoo.training.pictures import trajectories


def summarise(folder: Path) -> str:
    """Table of the finished runs below ``folder``; also written there, with a picture."""
    paths = {record.loss: path(run, record) for run, record in finished_runs(folder)}
    rows = [
        {
            "method": name,
            "theta": points[-1][0],
            "psi": points[-1][1],
            "first distance": math.hypot(*points[0]),
            "last distance": math.hypot(*points[-1]),
            "largest in last fifth": max(math.hypot(*p) for p in points[-len(points) // 5 :]),
        }
        for name, points in paths.items()
    ]
    write_rows(folder / "dirac.csv", rows)
    write_bytes(folder / "dirac.png", trajectories(paths))
    return f"Distance of (theta, psi) from the equilibrium (0, 0):\n{table(rows)}"


def path(folder: Path, record: RunRecord) -> list[tuple[float, float]]:
    """(theta, psi) at the start and after each epoch of the run in ``folder``."""
    model = record.config["model"]
    points = [(float(model["generator"]["theta"]), float(model["discriminator"]["psi"]))]
    for epoch in range(1, int(record.progress["epochs"]) + 1):
        theta = read_weights(weight_path(folder, "generator", epoch))["theta"]
        psi = read_weights(weight_path(folder, "discriminator", epoch))["psi"]
        points.append((float(theta), float(psi)))
    return points
