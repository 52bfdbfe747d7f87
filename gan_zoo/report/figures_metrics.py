"""Static figures of final metrics: distributions, comparisons, ranks, trade-offs, budgets."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gan_zoo.evaluation.metrics.registry import CHECKPOINTS
from gan_zoo.report.comparison import Comparison
from gan_zoo.report.outliers import survive_outliers
from gan_zoo.report.palette import style
from gan_zoo.report.plot_style import (
    fixed_panels,
    heading,
    legend,
    name_width,
    panels,
    plain,
    publication,
)
from gan_zoo.report.quantities import Quantity
from gan_zoo.report.search import Budgets
from gan_zoo.report.summary import headlines


def distributions(comparison: Comparison) -> Figure | None:
    """Every seed as a dot, the mean with its 95% t-interval; a panel for each metric."""
    measured = {metric for _, metric in comparison.estimates}
    metrics = [metric for metric in comparison.primary if metric.name in measured]
    if not metrics:
        return None
    names = [plain(variant.name) for variant in comparison.variants]
    with publication():
        size = (3.0, 0.9 + 0.22 * len(names))
        figure, axes = fixed_panels(len(metrics), 3, size, left=name_width(names))
        for number, (panel, metric) in enumerate(zip(axes, metrics, strict=True)):
            _real(panel, comparison.real(metric))
            _dots(panel, comparison, metric)
            panel.set_title(heading(metric))
            panel.set_yticks(range(len(names)), names)
            if number % 3:
                panel.tick_params(axis="y", left=False, labelleft=False)
            panel.set_ylim(len(names) - 0.5, -0.5)
            panel.grid(visible=False, axis="y")
    return figure


def checkpoints(comparison: Comparison) -> Figure | None:
    """The mean with the last, the best and the averaged weights; headline metrics."""
    metrics = headlines(comparison)
    if len(comparison.checkpoints) < 2 or not metrics:
        return None
    names = [plain(variant.name) for variant in comparison.variants]
    with publication():
        size = (4.0, 0.9 + 0.22 * len(names))
        figure, axes = fixed_panels(len(metrics), 2, size, head=0.3, left=name_width(names))
        for number, (panel, metric) in enumerate(zip(axes, metrics, strict=True)):
            _real(panel, comparison.real(metric))
            for checkpoint, marker in zip(CHECKPOINTS, "oD^v", strict=True):
                _means(panel, comparison, checkpoint + metric.base, marker)
            names_of = [checkpoint + metric.base for checkpoint in CHECKPOINTS]
            drawn = [e.mean for (_, name), e in comparison.estimates.items() if name in names_of]
            survive_outliers(panel, "x", drawn)
            panel.set_title(heading(metric))
            panel.set_yticks(range(len(names)), names)
            if number % 2:
                panel.tick_params(axis="y", left=False, labelleft=False)
            panel.set_ylim(len(names) - 0.5, -0.5)
        handles = [
            Line2D([], [], color="#444444", linestyle="", marker=marker, ms=4, label=title)
            for (key, title), marker in zip(CHECKPOINTS.items(), "oD^v", strict=True)
            if key in comparison.checkpoints
        ]
        figure.legend(handles=handles, loc="upper left", ncols=len(handles), borderaxespad=0.2)
    return figure


def _means(panel: Axes, comparison: Comparison, metric: str, marker: str) -> None:
    for variant in comparison.variants:
        found = comparison.estimates.get((variant.name, metric))
        if found is not None:
            colour = style(variant.index).light
            panel.plot([found.mean], [variant.index], marker, color=colour, ms=4.5, alpha=0.8)


def _real(panel: Axes, value: float | None) -> None:
    """What the metric gives for real images: a thin line across the variants."""
    if value is not None:
        panel.axvline(value, color="#444444", linewidth=0.8, linestyle=(0, (5, 3)))


def _dots(panel: Axes, comparison: Comparison, metric: Quantity) -> None:
    """All intervals, means and, shape by shape, seeds in one collection each."""
    found = {
        variant.index: comparison.estimates[variant.name, metric.name]
        for variant in comparison.variants
        if (variant.name, metric.name) in comparison.estimates
    }
    colours = {index: style(index).light for index in found}
    wide = {row: e.interval for row, e in found.items() if e.interval is not None}
    rows = list(wide)
    panel.hlines(
        rows, [wide[r].low for r in rows], [wide[r].high for r in rows],
        colors=[colours[r] for r in rows], linewidth=4, alpha=0.3,
    )  # fmt: skip
    for marker in dict.fromkeys(style(index).marker for index in found):
        dots = [
            (value, index)
            for index in found
            if style(index).marker == marker
            for value in comparison.variants[index].values(metric.name).values()
        ]
        x, y = zip(*dots, strict=True)
        shades = [colours[index] for index in y]
        panel.scatter(x, y, s=11, c=shades, alpha=0.75, lw=0, marker=marker)
    means = [entry.mean for entry in found.values()]
    panel.scatter(means, list(found), s=100, c=list(colours.values()), lw=1.6, marker="|")
    ends = [end for interval in wide.values() for end in (interval.low, interval.high)]
    seeds = [v for i in found for v in comparison.variants[i].values(metric.name).values()]
    survive_outliers(panel, "x", [*ends, *seeds])


def trade_off(comparison: Comparison, across: str, up: str) -> Figure | None:
    """One quantity against another: a dot per seed, a ring at the variant's mean."""
    pairs = matching(comparison, across, up)
    if not pairs:
        return None
    with publication():
        figure, axes = panels(len(pairs), 2, (3.8, 3.3))
        for panel, (x, y) in zip(axes, pairs, strict=True):
            for variant in comparison.variants:
                xs, ys = variant.values(x.name), variant.values(y.name)
                shared = sorted(set(xs) & set(ys))
                points = np.asarray([(xs[s], ys[s]) for s in shared]).reshape(-1, 2)
                look = style(variant.index)
                panel.scatter(
                    points[:, 0], points[:, 1], s=16, color=look.light, alpha=0.75, lw=0,
                    marker=look.marker, label=plain(variant.name),
                )  # fmt: skip
                if len(points) > 1:
                    mean = points.mean(axis=0)
                    panel.plot(*mean, look.marker, mfc="none", mec=look.light, markersize=9)
            for axis, item in (("x", x), ("y", y)):
                every = (v.values(item.name).values() for v in comparison.variants)
                survive_outliers(panel, axis, [value for values in every for value in values])
            real = comparison.real(x), comparison.real(y)
            if real[0] is not None and real[1] is not None:
                panel.plot(
                    real[0], real[1], "+", color="#444444", markersize=9, label="real images"
                )
            panel.set_xlabel(heading(x))
            panel.set_ylabel(heading(y))
            panel.set_title(plain(x.detail, 60))
        legend(figure, axes[0])
    return figure


def matching(comparison: Comparison, across: str, up: str) -> list[tuple[Quantity, Quantity]]:
    """Pairs of two quantities measured with the same protocol."""
    measured = {metric for _, metric in comparison.estimates}
    by_base = {m.base: m for m in comparison.primary if m.name in measured}
    return [
        (metric, by_base[other])
        for base, metric in by_base.items()
        if (other := up + base.removeprefix(across)) in by_base and base.startswith(across)
    ]


def budgets(comparison: Comparison, found: Budgets) -> Figure | None:
    """Expected metric of the best of k settings, for each loss."""
    metrics = [metric for metric in headlines(comparison) if found.get(metric.name)]
    if not metrics:
        return None
    with publication():
        figure, axes = panels(len(metrics), 2, (3.8, 2.8))
        for panel, metric in zip(axes, metrics, strict=True):
            for entry in found[metric.name]:
                k = range(1, len(entry.curve.expected) + 1)
                colour = style(entry.variant).light
                panel.plot(k, entry.curve.expected, color=colour, label=plain(entry.loss), lw=1.3)
                low, high = entry.curve.low, entry.curve.high
                panel.fill_between(k, low, high, color=colour, alpha=0.15, lw=0)
            curves = [entry.curve for entry in found[metric.name]]
            survive_outliers(panel, "y", [end for c in curves for end in (*c.low, *c.high)])
            panel.set_title(heading(metric))
            panel.set_xlabel("Settings tried, best on validation kept")
        legend(figure, axes[0])
    return figure
