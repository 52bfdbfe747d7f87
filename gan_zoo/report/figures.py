"""Static figures: which there are, and those over the course of training."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gan_zoo.report import figures_metrics, figures_pairs, figures_samples
from gan_zoo.report.comparison import Comparison, Variant
from gan_zoo.report.curves import Curve, curve
from gan_zoo.report.data import curve_quantities
from gan_zoo.report.diagnostics import DIVERGENCE, GRADIENT, LOGARITHMIC
from gan_zoo.report.outliers import survive_outliers
from gan_zoo.report.plot_style import heading, line_panels, line_style, logarithmic, publication
from gan_zoo.report.quantities import AXES, Quantity, quantity
from gan_zoo.report.search import Budgets

_COLUMNS = 3
_FIRST = 4  # validation metrics drawn over every axis; all of them are over epochs
_GRADIENT, *_SURENESS = GRADIENT


def draw_all(comparison: Comparison, budgets: Budgets) -> dict[str, Callable[[], Figure | None]]:
    """File name without suffix -> what draws the figure; None where there is nothing to draw."""
    columns = curve_quantities(comparison)
    validation = [column for column in columns if column.rank < 1000]
    other = [column for column in columns if column.rank >= 1000]
    variants = comparison.variants
    drawings: dict[str, Callable[[], Figure | None]] = {
        f"validation_over_{axis}": lambda axis=axis: _curves(comparison, validation[:_FIRST], axis)  # type: ignore[misc]
        for axis in AXES
    }
    return drawings | {
        "validation_over_epoch": lambda: _curves(comparison, validation, "epoch"),
        "losses_and_diagnostics": lambda: _curves(comparison, other, "epoch"),
        "gradient_vanishing": lambda: _gradients(variants),
        "distributions": lambda: figures_metrics.distributions(comparison),
        "probability_of_improvement": lambda: figures_pairs.improvement(comparison),
        "checkpoints": lambda: figures_metrics.checkpoints(comparison),
        "ranks": lambda: figures_pairs.ranks(comparison),
        "precision_recall": lambda: figures_metrics.trade_off(comparison, "precision", "recall"),
        "density_coverage": lambda: figures_metrics.trade_off(comparison, "density", "coverage"),
        "best_of_k": lambda: figures_metrics.budgets(comparison, budgets),
        "per_class": lambda: figures_samples.per_class_panels(comparison),
        "confusion": lambda: figures_samples.confusion_panels(comparison),
    }


def _curves(comparison: Comparison, columns: Sequence[Quantity], axis: str) -> Figure | None:
    """Small multiples: a panel for each history column, a line with a band for each variant."""
    variants = comparison.variants
    found = {
        column.name: [curve(variant, column.name, axis) for variant in variants]
        for column in columns
    }
    columns = [column for column in columns if any(found[column.name])]
    if not columns:
        return None
    with publication():
        figure, axes = line_panels(
            len(columns), _COLUMNS, (3.3, 2.1), [variant.name for variant in variants]
        )
        for panel, column in zip(axes, columns, strict=True):
            _lines(panel, found[column.name])
            real = comparison.real(column)
            if real is not None:
                panel.axhline(real, color="#444444", linewidth=0.8, linestyle=(0, (5, 3)))
            if column.name == DIVERGENCE:
                _ranges(panel, variants)
            panel.set_title(heading(column))
            if column.base.startswith(LOGARITHMIC):
                logarithmic(panel)
            drawn = [each for each in found[column.name] if each is not None]
            survive_outliers(panel, "y", np.concatenate([[*c.low, *c.high] for c in drawn]))
        _share_axis(axes, axis)
    return figure


def _share_axis(panels: Sequence[Axes], axis: str) -> None:
    """One horizontal range for all panels, written below the lowest of each column only."""
    ranges = np.asarray([panel.get_xlim() for panel in panels])
    for place, panel in enumerate(panels):
        panel.set_xlim(ranges[:, 0].min(), ranges[:, 1].max())
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=axis == "epoch"))
        if place + _COLUMNS < len(panels):
            panel.tick_params(labelbottom=False)
        else:
            panel.set_xlabel(quantity(axis).title)


def _lines(panel: Axes, curves: Sequence[Curve | None]) -> None:
    """A line and a band for each variant; in two collections, which is quicker than one by one."""
    drawn = [(index, data) for index, data in enumerate(curves) if data is not None]
    looks = [line_style(index) for index, _ in drawn]
    bands = [
        (np.concatenate([data.x, data.x[::-1]]), np.concatenate([data.high, data.low[::-1]]), look)
        for (_, data), look in zip(drawn, looks, strict=True)
        if data.seeds.max() > 1
    ]
    outlines = [np.column_stack([x, y]) for x, y, _ in bands]
    fills = [look["color"] for *_, look in bands]
    panel.add_collection(PolyCollection(outlines, facecolors=fills, alpha=0.15, linewidths=0))
    middles = [np.column_stack([data.x, data.median]) for _, data in drawn]
    panel.add_collection(
        LineCollection(
            middles,
            colors=[look["color"] for look in looks],
            linestyles=[look["linestyle"] for look in looks],
            linewidths=1.3,
        )
    )
    for (_, data), look in zip(drawn, looks, strict=True):
        if len(data.x) == 1:  # a single epoch has no line
            panel.plot(data.x, data.median, "o", color=look["color"], markersize=3)
    panel.autoscale_view()


def _ranges(panel: Axes, variants: Sequence[Variant]) -> None:
    """The ends of what each variant's divergence can be."""
    for variant in variants:
        for end in variant.divergence_range or ():
            if end is not None:
                colour = line_style(variant.index)["color"]
                panel.axhline(end, color=colour, linewidth=0.8, linestyle=(0, (1, 1.5)))


def _gradients(variants: Sequence[Variant]) -> Figure | None:
    """The generator's gradient over its updates, and against how sure the discriminator is."""
    found = [curve(variant, _GRADIENT, "generator_updates") for variant in variants]
    if not any(found):
        return None
    with publication():
        names = [variant.name for variant in variants]
        figure, (left, right) = line_panels(2, 2, (4.2, 3.0), names)
        _lines(left, found)
        for variant in variants:
            _sureness(right, variant)
        left.set_title(heading(quantity(_GRADIENT)))
        left.set_xlabel("Generator updates")
        right.set_title("Every epoch and seed, against D's accuracy")
        right.set_xlabel("Discriminator accuracy (mean of real and fake)")
        for panel in (left, right):
            logarithmic(panel)
    return figure


def _sureness(panel: Axes, variant: Variant) -> None:
    for run in variant.runs:
        if {_GRADIENT, *_SURENESS} <= set(run.history.columns):
            accuracy = run.history[_SURENESS].mean(axis=1)
            colour = line_style(variant.index)["color"]
            panel.scatter(accuracy, run.history[_GRADIENT], s=6, color=colour, alpha=0.5, lw=0)
