"""Why f-GAN's total variation misses its optimum: the game without samples and without a network.

``python -m gan_zoo.experiments.total_variation`` prints the table, in seconds. P is the mixture of
``experiment=fgan_mixture``, Q = N(mu, sigma^2). Expectations are sums over a grid, the critic has
a free score V(x) at each point of it, T = tanh(V) / 2, and both players take simultaneous gradient
steps: neither noise nor a network's limits are left, only the objective. V's gradient is
(p - q) / (2 cosh^2 V). Where D has been sure it is nearly 0, and V does not follow when Q moves on;
with |V| held below 2 the same steps come to the optimum.

Source: Nowozin, Cseke, Tomioka 2016 (arXiv 1606.00709), sections 2.3 and 2.4.
"""

import math
import sys
from pathlib import Path

import numpy as np
import torch

from gan_zoo.data.toys import gaussian_mixture_1d_modes
from gan_zoo.experiments.fgan_mixture import BOUND_BAR, PARAMETER_BAR, mixture
from gan_zoo.experiments.truth import nearest_gaussian
from gan_zoo.report.formatting import table
from gan_zoo.runs.record import write_bytes
from gan_zoo.training.pictures import new_figure, to_png

STEP = 0.05  # of the grid: a fifth of the narrowest standard deviation
GRID = np.arange(-12, 14, STEP)
STEPS = 3000
G_RATE = 0.01
D_RATES = (10.0, 100.0, 1000.0)
BOUND = 2.0  # of |V|: T reaches 0.964 of its range there, and 7% of its slope at 0 is left

Course = list[dict[str, float]]


def play(d_rate: float, bound: float | None, steps: int = STEPS) -> Course:
    """Return mu, sigma, the critic's bound F and the exact total variation after each step.

    Args:
        d_rate: step size of every V(x), per unit of density; G's is ``G_RATE``.
        bound: of |V|, enforced after each step; None: none.
        steps: simultaneous ones, from mu = 0, sigma = 1 and V = 0.
    """
    modes = gaussian_mixture_1d_modes()
    p = modes.log_density(torch.from_numpy(GRID)[:, None]).exp().numpy()
    scores, mu, log_sigma = np.zeros_like(GRID), 0.0, 0.0
    course: Course = []
    for _ in range(steps):
        sigma = math.exp(log_sigma)
        z = (GRID - mu) / sigma
        q = np.exp(-(z**2) / 2) / (sigma * math.sqrt(2 * math.pi))
        t = np.tanh(scores) / 2
        # G descends F = E_P[T] - E_Q[T], D ascends it
        up = (q * t * z / sigma).sum() * STEP
        wider = (q * t * (z**2 - 1)).sum() * STEP
        course.append({
            "mu": mu, "sigma": sigma, "F": float((p - q) @ t) * STEP,
            "exact": float(abs(p - q).sum()) * STEP / 2,
        })  # fmt: skip
        scores = scores + d_rate * (p - q) * (0.5 - 2 * t**2)  # 1 / (2 cosh^2 V)
        if bound is not None:
            scores = scores.clip(-bound, bound)
        mu, log_sigma = mu + G_RATE * up, log_sigma + G_RATE * wider
    return course


def rows(steps: int = STEPS) -> list[dict[str, object]]:
    """One row for each of D's step sizes, without and with the bound on its scores."""
    best = nearest_gaussian("total_variation", mixture())
    found: list[dict[str, object]] = []
    for bound in (None, BOUND):
        for rate in D_RATES:
            end = play(rate, bound, steps)[-1]
            below = (best.divergence - end["F"]) / best.divergence
            within = (
                abs(end["mu"] - best.mu) <= PARAMETER_BAR
                and abs(end["sigma"] - best.sigma) <= PARAMETER_BAR
                and 0 <= below <= BOUND_BAR
            )
            found.append({
                "largest |V|": "any" if bound is None else bound, "D's step": rate,
                "mu*": best.mu, "mu": end["mu"], "sigma*": best.sigma, "sigma": end["sigma"],
                "D*": best.divergence, "exact D": end["exact"], "bound F": end["F"],
                "within bars": "yes" if within else "no",
            })  # fmt: skip
    return found


def picture(steps: int = STEPS) -> bytes:
    """PNG: exact total variation and the critic's bound on it over the steps, free and bounded."""
    figure = new_figure(8.4, 2.8)
    first = None
    for number, bound in enumerate((None, BOUND), start=1):
        axes = first = figure.add_subplot(1, 2, number, sharex=first, sharey=first)
        course = play(D_RATES[1], bound, steps)
        at = np.arange(len(course))
        axes.plot(at, [row["exact"] for row in course], color="black", label="exact D of Q")
        axes.plot(at, [row["F"] for row in course], color="#d55e00", label="bound F of the critic")
        best = nearest_gaussian("total_variation", mixture()).divergence
        axes.axhline(best, color="#666666", linestyle="--", linewidth=0.8, label="D* of the best Q")
        axes.axhline(0, color="#666666", linewidth=0.5)
        axes.set_title("V free" if bound is None else f"|V| at most {bound:g}", fontsize=10)
        axes.set_xlabel("simultaneous steps", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    assert first is not None
    first.legend(frameon=False, fontsize=8)
    return to_png(figure)


if __name__ == "__main__":
    print(table(rows()))
    if len(sys.argv) > 1:
        write_bytes(Path(sys.argv[1]), picture())
        print(sys.argv[1])
