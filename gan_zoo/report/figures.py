"""Static figures (PNG and SVG): the list of all, curves over training, classes and samples."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gan_zoo.report import figures_metrics
from gan_zoo.report.classes import confusions, per_class
from gan_zoo.report.comparison import Comparison, Variant
from gan_zoo.report.diagnostics import DIVERGENCE, GRADIENT, LOGARITHMIC
from gan_zoo.report.outliers import symlog_if_outliers
from gan_zoo.report.pictures import SampleStrips
from gan_zoo.report.plot_style import (
    REAL,
    fixed_panels,
    heading,
    line_panels,
    logarithmic,
    plain,
    publication,
    style,
    to_files,
)
from gan_zoo.report.quantities import AXES, Quantity, quantity
from gan_zoo.report.search import Budgets

_COLUMNS = 3
_FIRST = 4  # validation metrics drawn over every axis; all of them are over epochs
_GRADIENT, *_ACCURACIES = GRADIENT


def render_figures(
    comparison: Comparison, budgets: Budgets, samples: SampleStrips
) -> dict[str, bytes]:
    """Draw every figure and return file name -> content, a PNG and an SVG of each."""
    files: dict[str, bytes] = {}
    with publication():
        for name, figure in _drawn(comparison, budgets, samples):
            if figure is not None:
                files |= {f"{name}.{kind}": data for kind, data in to_files(figure).items()}
    return files


def _drawn(
    comparison: Comparison, budgets: Budgets, samples: SampleStrips
) -> Iterator[tuple[str, Figure | None]]:
    """Yield the figures one by one, for each takes memory; None where there is nothing to draw."""
    columns = comparison.history_columns()
    validation = [column for column in columns if column.rank < 1000]
    other = [column for column in columns if column.rank >= 1000]
    for axis in AXES:
        shown = validation if axis == "epoch" else validation[:_FIRST]
        yield f"validation_over_{axis}", _curves(comparison, shown, axis)
    yield "losses_and_diagnostics", _curves(comparison, other, "epoch")
    drawings: dict[str, Callable[[Comparison], Figure | None]] = {
        "gradient_vanishing": _gradients,
        "per_class": _per_class,
        "confusion": _confusions,
        "distributions": figures_metrics.distributions,
        "probability_of_improvement": figures_metrics.improvement,
        "checkpoints": figures_metrics.checkpoints,
        "ranks": figures_metrics.ranks,
    }
    for name, draw in drawings.items():
        yield name, draw(comparison)
    for across, up in (("precision", "recall"), ("density", "coverage")):
        yield f"{across}_{up}", figures_metrics.trade_off(comparison, across, up)
    yield "best_of_k", figures_metrics.budgets(comparison, budgets)
    yield "samples", _grids(comparison, samples)


@dataclass(frozen=True)
class Curve:
    """One history column of one variant: median over seeds, smallest and largest seed."""

    x: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    seeds: np.ndarray  # how many seeds have a value there


def curve(variant: Variant, column: str, axis: str = "epoch") -> Curve | None:
    """Aggregate a column over all seeds of a variant, epoch by epoch; None if no run has it.

    Seeds are aligned by epoch. On another axis, each point sits at the median over seeds of that
    axis at that epoch. A run that diverged counts up to that epoch.
    """
    runs = [r for r in variant.runs if {"epoch", axis, column} <= set(r.history.columns)]
    if not runs:
        return None
    epochs = np.unique(np.concatenate([run.history["epoch"].to_numpy() for run in runs]))
    x, y = np.full((2, len(runs), len(epochs)), np.nan)
    for row, run in enumerate(runs):
        places = np.searchsorted(epochs, run.history["epoch"].to_numpy())
        x[row, places], y[row, places] = run.history[axis], run.history[column]
    known = np.isfinite(x) & np.isfinite(y)
    kept = known.any(axis=0)
    if not kept.any():
        return None
    x, y = (np.where(known, values, np.nan)[:, kept] for values in (x, y))
    seeds = known[:, kept].sum(axis=0)
    return Curve(_median(x), _median(y), np.nanmin(y, axis=0), np.nanmax(y, axis=0), seeds)


def _median(values: np.ndarray) -> np.ndarray:
    """Return the median over seeds; ``nanmedian`` is several times slower, so use it if needed."""
    return np.nanmedian(values, axis=0) if np.isnan(values).any() else np.median(values, axis=0)


def _curves(comparison: Comparison, columns: Sequence[Quantity], axis: str) -> Figure | None:
    """Draw small multiples: a panel for each history column, a line with a band per variant."""
    variants = comparison.variants
    found = {
        column.name: [curve(variant, column.name, axis) for variant in variants]
        for column in columns
    }
    columns = [column for column in columns if any(found[column.name])]
    if not columns:
        return None
    names = [variant.name for variant in variants]
    figure, axes = line_panels(len(columns), _COLUMNS, (3.3, 2.1), names)
    for panel, column in zip(axes, columns, strict=True):
        _lines(panel, found[column.name])
        real = comparison.real(column)
        if real is not None:
            panel.axhline(real, **REAL)
        if column.name == DIVERGENCE:
            _ranges(panel, variants)
        panel.set_title(heading(column))
        if column.base.startswith(LOGARITHMIC):
            logarithmic(panel)
        drawn = [each for each in found[column.name] if each is not None]
        symlog_if_outliers(panel, "y", np.concatenate([[*c.low, *c.high] for c in drawn]))
    _share_axis(axes, axis)
    return figure


def _share_axis(panels: Sequence[Axes], axis: str) -> None:
    """Give all panels one horizontal range, with numbers below the lowest of each column only."""
    ranges = np.asarray([panel.get_xlim() for panel in panels])
    for place, panel in enumerate(panels):
        panel.set_xlim(ranges[:, 0].min(), ranges[:, 1].max())
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=axis == "epoch"))
        if place + _COLUMNS < len(panels):
            panel.tick_params(labelbottom=False)
        else:
            panel.set_xlabel(quantity(axis).title)


def _lines(panel: Axes, curves: Sequence[Curve | None]) -> None:
    """Draw a line and a band per variant, in two collections: quicker than one by one."""
    drawn = [(style(i).line, data) for i, data in enumerate(curves) if data is not None]
    bands = [(look, data) for look, data in drawn if data.seeds.max() > 1]
    outlines = [
        np.column_stack([np.concatenate([c.x, c.x[::-1]]), np.concatenate([c.high, c.low[::-1]])])
        for _, c in bands
    ]
    fills = [look["color"] for look, _ in bands]
    panel.add_collection(PolyCollection(outlines, facecolors=fills, alpha=0.15, linewidths=0))
    panel.add_collection(
        LineCollection(
            [np.column_stack([data.x, data.median]) for _, data in drawn],
            colors=[look["color"] for look, _ in drawn],
            linestyles=[look["linestyle"] for look, _ in drawn],
            linewidths=1.3,
        )
    )
    for look, data in drawn:
        if len(data.x) == 1:  # a single epoch has no line
            panel.plot(data.x, data.median, "o", color=look["color"], markersize=3)
    panel.autoscale_view()


def _ranges(panel: Axes, variants: Sequence[Variant]) -> None:
    """Draw the ends of the range of each variant's divergence."""
    for variant in variants:
        for end in variant.divergence_range or ():
            if end is not None:
                color = style(variant.index).light
                panel.axhline(end, color=color, linewidth=0.8, linestyle=(0, (1, 1.5)))


def _gradients(comparison: Comparison) -> Figure | None:
    """Draw the generator's gradient over its updates, and against D's accuracy."""
    variants = comparison.variants
    found = [curve(variant, _GRADIENT, "generator_updates") for variant in variants]
    if not any(found):
        return None
    names = [variant.name for variant in variants]
    figure, (left, right) = line_panels(2, 2, (4.2, 3.0), names)
    _lines(left, found)
    for variant in variants:
        for run in variant.runs:
            if {_GRADIENT, *_ACCURACIES} <= set(run.history.columns):
                accuracy = run.history[_ACCURACIES].mean(axis=1)
                color = style(variant.index).light
                right.scatter(accuracy, run.history[_GRADIENT], s=6, color=color, alpha=0.5, lw=0)
    left.set_title(heading(quantity(_GRADIENT)))
    left.set_xlabel("Generator updates")
    right.set_title("Every epoch and seed, against D's accuracy")
    right.set_xlabel("Discriminator accuracy (mean of real and fake)")
    for panel in (left, right):
        logarithmic(panel)
    return figure


def _grids(comparison: Comparison, samples: SampleStrips) -> Figure | None:
    """Draw the last grid of one run of each variant, side by side."""
    if not samples.finals:
        return None
    figure, axes = fixed_panels(len(samples.finals), 4, (2.4, 2.6), left=0.1)
    # without axes there is nothing to leave room for but the titles
    figure.subplots_adjust(right=0.99, bottom=0.01, wspace=0.04, hspace=0.12)
    for panel, (index, picture) in zip(axes, sorted(samples.finals.items()), strict=True):
        grey = "gray" if picture.mode == "L" else None
        panel.imshow(picture, cmap=grey, vmin=0, vmax=255, interpolation="none")
        panel.set_title(plain(comparison.variants[index].name))
        panel.axis("off")
    return figure


def _per_class(comparison: Comparison) -> Figure | None:
    """Draw each per-class quantity over the classes."""
    first = comparison.checkpoints[:1]
    classes = per_class(comparison.variants)
    found = {name: v for name, v in classes.items() if quantity(name).checkpoint in first}
    if not found:
        return None
    names = [variant.name for variant in comparison.variants]
    figure, axes = line_panels(len(found), 3, (3.3, 2.2), names)
    for panel, (name, values) in zip(axes, found.items(), strict=True):
        labels = sorted({c for v in values.values() for c in v}, key=lambda c: (len(c), c))
        for variant in comparison.variants:
            means = values.get(variant.index, {})
            known = [(place, means[c]) for place, c in enumerate(labels) if c in means]
            x, y = zip(*known, strict=True) if known else ((), ())
            panel.plot(x, y, marker=".", lw=0.8, **style(variant.index).line)
        panel.set_xticks(range(len(labels)), [plain(label, 8) for label in labels])
        panel.set_xlabel("Class")
        panel.set_title(heading(quantity(name)))
    return figure


def _confusions(comparison: Comparison) -> Figure | None:
    """Draw the share of samples of each label that the classifier assigns to each class."""
    found = confusions(comparison.variants)
    if not found:
        return None
    figure, axes = fixed_panels(len(found), 4, (2.3, 2.4))
    for panel, matrix in zip(axes, found, strict=True):
        panel.imshow(matrix.shares, cmap="Blues", vmin=0, vmax=1)
        panel.set_title(plain(matrix.variant.name, 24))
        panel.set_xlabel("classified as")
        panel.set_ylabel("generated for")
        panel.grid(visible=False)
    return figure
