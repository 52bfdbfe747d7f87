"""How good all runs of a variant are, not only the median: performance profiles, optimality gap.

Agarwal et al. 2021 (arXiv 2108.13264), sections 4.1 and 4.3.
"""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from gan_zoo.report.comparison import Comparison, Variant
from gan_zoo.report.plot_style import heading, line_panels, publication, style
from gan_zoo.report.quantities import Quantity
from gan_zoo.report.summary import headlines


@dataclass(frozen=True)
class Profile:
    """The share of a variant's runs that are at least as good as each value."""

    values: tuple[float, ...]  # of its runs, best first; diverged runs have none
    shares: tuple[float, ...]  # of all its runs


def profile(variant: Variant, metric: Quantity) -> Profile | None:
    """Return the performance profile of a variant; a diverged run is never good enough.

    None if the metric has no direction, or no run has a value.
    """
    scores = sorted(variant.scores(metric).values(), reverse=True)
    finite = [score for score in scores if math.isfinite(score)]
    if not finite:
        return None
    shares = [(place + 1) / len(scores) for place in range(len(finite))]
    return Profile(tuple(metric.better * score for score in finite), tuple(shares))


def optimality_gap(
    variant: Variant, metric: Quantity, target: float, baseline: float
) -> float | None:
    """Return the mean over runs of the distance to ``target``, as a share of the baseline's.

    0 where every run reaches the target, 1 where every run is no better than the baseline or
    diverged; each run counts between 0 and 1. None if no run counts, or the baseline is no worse
    than the target.

    Args:
        variant: whose runs.
        metric: of which ``target`` and ``baseline`` are values.
        target: what is good enough, such as real images' value.
        baseline: a weak result, such as a kernel density sampler's value.
    """
    scores = list(variant.scores(metric).values())
    span = metric.better * (target - baseline)
    if not scores or not span > 0:
        return None
    gaps = [(metric.better * target - score) / span for score in scores]
    return float(np.clip(gaps, 0.0, 1.0).mean())


def profiles(comparison: Comparison) -> Figure | None:
    """Draw the profile of every variant; a panel for each headline metric."""
    metrics = [
        metric
        for metric in headlines(comparison)
        if any(profile(variant, metric) for variant in comparison.variants)
    ]
    if not metrics:
        return None
    with publication():
        names = [variant.name for variant in comparison.variants]
        figure, axes = line_panels(len(metrics), 2, (4.2, 3.0), names)
        for panel, metric in zip(axes, metrics, strict=True):
            found = [(v, profile(v, metric)) for v in comparison.variants]
            drawn = [(variant, each) for variant, each in found if each is not None]
            ends = [value for _, each in drawn for value in each.values]
            low, high = min(ends), max(ends)
            worst = high if metric.better < 0 else low
            for variant, each in drawn:
                x, y = [*each.values, worst], [*each.shares, each.shares[-1]]
                panel.step(x, y, where="post", linewidth=1.2, **style(variant.index).line)
            if metric.low == 0 and low > 0 and high > 20 * low:
                panel.set_xscale("log")
            if metric.better > 0:
                panel.invert_xaxis()
            panel.set_ylim(0, 1.02)
            panel.set_title(heading(metric))
            panel.set_xlabel("This good or better")
        axes[0].set_ylabel("Share of runs")
    return figure
