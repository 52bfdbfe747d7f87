"""Static figures of comparisons between variants: probability of improvement, ranks."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from gan_zoo.report.comparison import Comparison
from gan_zoo.report.palette import style
from gan_zoo.report.plot_style import fixed_panels, heading, name_width, panels, plain, publication
from gan_zoo.report.summary import headlines

# worse - even - better, safe for colour-blind readers
DIVERGING = LinearSegmentedColormap.from_list("improvement", ["#D55E00", "#f7f7f7", "#0072B2"])


def improvement(comparison: Comparison) -> Figure | None:
    """Probability that the row's variant is better than the column's; bold where established."""
    metrics = [metric for metric in headlines(comparison) if comparison.pairs.get(metric.name)]
    count = len(comparison.variants)
    if not metrics:
        return None
    names = [f"{plain(variant.name)}  {variant.index + 1}" for variant in comparison.variants]
    side, room = 0.36 * max(count, 5), name_width(names)
    with publication():
        size = (side + 0.6 + room / len(metrics), side + 1.0)
        figure, axes = fixed_panels(len(metrics), 2, size, head=0.3, left=room)
        for number, (panel, metric) in enumerate(zip(axes, metrics, strict=True)):
            matrix = np.full((count, count), np.nan)
            sure = set()
            for pair in comparison.pairs[metric.name]:
                matrix[pair.first, pair.second] = pair.theta
                matrix[pair.second, pair.first] = 1 - pair.theta
                if pair.established:
                    sure |= {(pair.first, pair.second), (pair.second, pair.first)}
            panel.imshow(matrix, cmap=DIVERGING, vmin=0, vmax=1)
            if count <= 20:
                _write(panel, matrix, sure)
            panel.set_title(heading(metric))
            panel.set_xticks(range(count), [str(place + 1) for place in range(count)])
            panel.set_xlabel("better than")
            panel.set_yticks(range(count), names)
            panel.tick_params(length=0, labelleft=number == 0)
            panel.grid(visible=False)
        figure.suptitle("P(row better than column)", x=0.01, ha="left", fontsize=8.5)
    return figure


def _write(panel: Axes, matrix: np.ndarray, sure: set[tuple[int, int]]) -> None:
    for row, column in zip(*np.nonzero(np.isfinite(matrix)), strict=True):
        value = float(matrix[row, column])
        weight = "bold" if (int(row), int(column)) in sure else "normal"
        colour = "white" if abs(value - 0.5) > 0.35 else "black"
        panel.text(
            column, row, f"{value:.2f}", ha="center", va="center", fontsize=6.5, color=colour,
            weight=weight, in_layout=False,
        )  # fmt: skip


def ranks(comparison: Comparison) -> Figure | None:
    """Mean rank over seeds, with half the critical difference to each side."""
    metrics = [m for m in headlines(comparison) if m.name in comparison.rankings]
    if not metrics:
        return None
    with publication():
        count = len(comparison.variants)
        figure, axes = panels(len(metrics), 2, (4.0, 0.9 + 0.24 * count))
        for panel, metric in zip(axes, metrics, strict=True):
            variants, found = comparison.rankings[metric.name]
            order = np.argsort(found.mean_ranks, kind="stable")
            for row, place in enumerate(order):
                rank, look = found.mean_ranks[place], style(variants[place])
                colour = look.light
                half = found.critical_difference / 2
                panel.plot([rank - half, rank + half], [row, row], color=colour, lw=4, alpha=0.3)
                panel.plot([rank], [row], look.marker, color=colour, markersize=4.5)
            names = [plain(comparison.variants[variants[place]].name) for place in order]
            panel.set_yticks(range(len(names)), names)
            panel.invert_yaxis()
            panel.set_title(f"Mean rank over {found.seeds} seeds: {heading(metric)}")
            panel.set_xlim(0.5, len(order) + 0.5)
            panel.set_xlabel("1 is best; overlapping bars: no significant difference")
            panel.grid(visible=False, axis="y")
    return figure
