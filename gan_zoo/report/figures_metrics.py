"""Static figures of final metrics: distributions, comparisons, ranks, trade-offs, budgets."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gan_zoo.evaluation.metrics.registry import CHECKPOINTS
from gan_zoo.report.comparison import Comparison
from gan_zoo.report.outliers import symlog_if_outliers
from gan_zoo.report.plot_style import (
    REAL,
    fixed_panels,
    heading,
    legend,
    name_width,
    panels,
    plain,
    row_panels,
    style,
)
from gan_zoo.report.quantities import Quantity
from gan_zoo.report.search import Budgets
from gan_zoo.report.summary import headlines

# worse - even - better, safe for color-blind readers
DIVERGING = LinearSegmentedColormap.from_list("improvement", ["#D55E00", "#f7f7f7", "#0072B2"])
_CHECKPOINT_MARKERS = dict(zip(CHECKPOINTS, "oD^v", strict=True))


def distributions(comparison: Comparison) -> Figure | None:
    """Draw every seed as a dot, the mean with its 95% t-interval; a panel for each metric."""
    metrics = comparison.measured
    if not metrics:
        return None
    names = [variant.name for variant in comparison.variants]
    figure, axes = row_panels(len(metrics), 3, 3.0, names)
    for panel, metric in zip(axes, metrics, strict=True):
        _real(panel, comparison.real(metric))
        _dots(panel, comparison, metric)
        panel.set_title(heading(metric))
        panel.grid(visible=False, axis="y")
    return figure


def checkpoints(comparison: Comparison) -> Figure | None:
    """Draw the mean with the last, the best and the averaged weights; headline metrics."""
    metrics = headlines(comparison)
    if len(comparison.checkpoints) < 2 or not metrics:
        return None
    names = [variant.name for variant in comparison.variants]
    figure, axes = row_panels(len(metrics), 2, 4.0, names, head=0.3)
    for panel, metric in zip(axes, metrics, strict=True):
        _real(panel, comparison.real(metric))
        means = []
        for checkpoint, marker in _CHECKPOINT_MARKERS.items():
            for variant in comparison.variants:
                found = comparison.estimates.get((variant.name, checkpoint + metric.base))
                if found is not None:
                    color = style(variant.index).light
                    panel.plot(
                        [found.mean], [variant.index], marker, color=color, ms=4.5, alpha=0.8
                    )
                    means.append(found.mean)
        symlog_if_outliers(panel, "x", means)
        panel.set_title(heading(metric))
    handles = [
        Line2D([], [], color="#444444", linestyle="", marker=marker, ms=4, label=CHECKPOINTS[key])
        for key, marker in _CHECKPOINT_MARKERS.items()
        if key in comparison.checkpoints
    ]
    figure.legend(handles=handles, loc="upper left", ncols=len(handles), borderaxespad=0.2)
    return figure


def _real(panel: Axes, value: float | None) -> None:
    """Draw the metric's value for real images: a thin line across the variants."""
    if value is not None:
        panel.axvline(value, **REAL)


def _dots(panel: Axes, comparison: Comparison, metric: Quantity) -> None:
    """Draw all intervals, means and, marker by marker, seeds in one collection each."""
    found = {
        variant.index: entry
        for variant in comparison.variants
        if (entry := comparison.estimate(variant, metric)) is not None
    }
    colors = {index: style(index).light for index in found}
    wide = {row: e.interval for row, e in found.items() if e.interval is not None}
    panel.hlines(
        list(wide), [i.low for i in wide.values()], [i.high for i in wide.values()],
        colors=[colors[row] for row in wide], linewidth=4, alpha=0.3,
    )  # fmt: skip
    seeds = {i: list(comparison.variants[i].values(metric.name).values()) for i in found}
    for marker in dict.fromkeys(style(index).marker for index in found):
        same = [index for index in found if style(index).marker == marker]
        dots = [(value, index) for index in same for value in seeds[index]]
        x, y = zip(*dots, strict=True)
        shades = [colors[index] for index in y]
        panel.scatter(x, y, s=11, c=shades, alpha=0.75, lw=0, marker=marker)
    means = [entry.mean for entry in found.values()]
    panel.scatter(means, list(found), s=100, c=list(colors.values()), lw=1.6, marker="|")
    ends = [end for interval in wide.values() for end in (interval.low, interval.high)]
    symlog_if_outliers(panel, "x", [*ends, *(v for values in seeds.values() for v in values)])


def trade_off(comparison: Comparison, across: str, up: str) -> Figure | None:
    """Draw one quantity against another: a dot per seed, a ring at the variant's mean."""
    pairs = comparison.protocol_pairs(across, up)
    if not pairs:
        return None
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
            symlog_if_outliers(panel, axis, [value for values in every for value in values])
        across_real, up_real = comparison.real(x), comparison.real(y)
        if across_real is not None and up_real is not None:
            label = "real images"
            panel.plot(across_real, up_real, "+", color="#444444", markersize=9, label=label)
        panel.set_xlabel(heading(x))
        panel.set_ylabel(heading(y))
        panel.set_title(plain(x.detail, 60))
    legend(figure, axes[0])
    return figure


def budgets(comparison: Comparison, found: Budgets) -> Figure | None:
    """Draw the expected metric of the best of k settings, for each loss."""
    metrics = [metric for metric in headlines(comparison) if found.get(metric.name)]
    if not metrics:
        return None
    figure, axes = panels(len(metrics), 2, (3.8, 2.8))
    for panel, metric in zip(axes, metrics, strict=True):
        for entry in found[metric.name]:
            k = range(1, len(entry.curve.expected) + 1)
            color = style(entry.variant).light
            panel.plot(k, entry.curve.expected, color=color, label=plain(entry.loss), lw=1.3)
            panel.fill_between(k, entry.curve.low, entry.curve.high, color=color, alpha=0.15, lw=0)
        curves = [entry.curve for entry in found[metric.name]]
        symlog_if_outliers(panel, "y", [end for c in curves for end in (*c.low, *c.high)])
        panel.set_title(heading(metric))
        panel.set_xlabel("Settings tried, best on validation kept")
    legend(figure, axes[0])
    return figure


def improvement(comparison: Comparison) -> Figure | None:
    """Draw the probability that the row's variant is better; bold where it is established."""
    metrics = [metric for metric in headlines(comparison) if comparison.pairs.get(metric.name)]
    count = len(comparison.variants)
    if not metrics:
        return None
    names = [f"{plain(variant.name)}  {variant.index + 1}" for variant in comparison.variants]
    side, room = 0.36 * max(count, 5), name_width(names)
    size = (side + 0.6 + room / len(metrics), side + 1.0)
    figure, axes = fixed_panels(len(metrics), 2, size, head=0.3, left=room)
    for number, (panel, metric) in enumerate(zip(axes, metrics, strict=True)):
        matrix, bold = np.full((count, count), np.nan), np.zeros((count, count), dtype=bool)
        for pair in comparison.pairs[metric.name]:
            matrix[pair.first, pair.second] = pair.theta
            matrix[pair.second, pair.first] = 1 - pair.theta
            bold[[pair.first, pair.second], [pair.second, pair.first]] = pair.established
        panel.imshow(matrix, cmap=DIVERGING, vmin=0, vmax=1)
        if count <= 20:
            _write_cells(panel, matrix, bold)
        panel.set_title(heading(metric))
        panel.set_xticks(range(count), [str(place + 1) for place in range(count)])
        panel.set_xlabel("better than")
        panel.set_yticks(range(count), names)
        panel.tick_params(length=0, labelleft=number == 0)
        panel.grid(visible=False)
    figure.suptitle("P(row better than column)", x=0.01, ha="left", fontsize=8.5)
    return figure


def _write_cells(panel: Axes, matrix: np.ndarray, bold: np.ndarray) -> None:
    for row, column in np.argwhere(np.isfinite(matrix)).tolist():
        value = matrix[row, column]
        panel.text(
            column, row, f"{value:.2f}", ha="center", va="center", fontsize=6.5,
            color="white" if abs(value - 0.5) > 0.35 else "black",
            weight="bold" if bold[row, column] else "normal", in_layout=False,
        )  # fmt: skip


def ranks(comparison: Comparison) -> Figure | None:
    """Draw the mean rank over seeds, with half the critical difference to each side."""
    metrics = [m for m in headlines(comparison) if m.name in comparison.rankings]
    if not metrics:
        return None
    count = len(comparison.variants)
    figure, axes = panels(len(metrics), 2, (4.0, 0.9 + 0.24 * count))
    for panel, metric in zip(axes, metrics, strict=True):
        variants, found = comparison.rankings[metric.name]
        order = np.argsort(found.mean_ranks, kind="stable")
        half = found.critical_difference / 2
        for row, place in enumerate(order):
            rank, look = found.mean_ranks[place], style(variants[place])
            panel.plot([rank - half, rank + half], [row, row], color=look.light, lw=4, alpha=0.3)
            panel.plot([rank], [row], look.marker, color=look.light, markersize=4.5)
        names = [plain(comparison.variants[variants[place]].name) for place in order]
        panel.set_yticks(range(len(names)), names)
        panel.invert_yaxis()
        panel.set_title(f"Mean rank over {found.seeds} seeds: {heading(metric)}")
        panel.set_xlim(0.5, len(order) + 0.5)
        panel.set_xlabel("1 is best; overlapping bars: no significant difference")
        panel.grid(visible=False, axis="y")
    return figure
