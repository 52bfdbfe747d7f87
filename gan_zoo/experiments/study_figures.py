"""The figures of the study's page, for thirty losses and more: few colours, places as labels."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from PIL import Image

from gan_zoo.experiments.study_results import (
    Stage,
    leaders,
    median,
    median_of_finished,
    seconds,
    validation_column,
)
from gan_zoo.report import figures_metrics
from gan_zoo.report.comparison import Comparison, Variant
from gan_zoo.report.figures import curve
from gan_zoo.report.plot_style import name_width, plain, publication, style, to_files
from gan_zoo.report.profiles import profile
from gan_zoo.report.search import search

COMPARED = ("mnist", "fashion")
FAMILIES = ("bce", "lsgan", "wgan", "wgan_gp", "fgan_kl", "hinge", "minimax")  # have a colour
GREY, LEADING = "#9a9a9a", "#0072B2"
WIDTH = 7.5  # inches
_ACROSS = 6  # pictures of samples


def draw(stages: Mapping[str, Stage], grids: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the figures that the data allow as PNG, by ``<stage>_<name>``.

    Args:
        stages: by their names.
        grids: pictures of samples, by ``<stage>/<variant>.png``.
    """
    drawings: dict[str, Callable[[], Figure | None]] = {}
    for name in COMPARED:
        if name in stages:
            drawings |= {f"{name}_{key}": each for key, each in _compared(stages[name]).items()}
            drawings[f"{name}_samples"] = lambda name=name: _samples(stages[name], grids)  # type: ignore[misc]
    if "search" in stages:
        found = stages["search"]
        drawings["search_budgets"] = lambda: _budgets(found)
        drawings["search_settings"] = lambda: _settings(found)
    with publication():
        drawn = {name: each() for name, each in drawings.items()}
    return {name: to_files(figure)["png"] for name, figure in drawn.items() if figure is not None}


def _compared(stage: Stage) -> dict[str, Callable[[], Figure | None]]:
    return {
        "dots": lambda: _dots(stage),
        "ranks": lambda: _ranks(stage),
        "improvement": lambda: figures_metrics.improvement(only_fid(stage)),
        "precision_recall": lambda: _precision_recall(stage),
        "cost": lambda: _cost(stage),
        "curves": lambda: _curves(stage),
        "profiles": lambda: _profiles(stage),
    }


def only_fid(stage: Stage) -> Comparison:
    """Return the comparison on FID alone, which the report's figures then speak of."""
    return replace(stage.comparison, metrics=(stage.primary,))


def _rows(names: Sequence[str], title: str) -> tuple[Figure, Axes]:
    """Return a row for each name, the first at the top."""
    left, height = name_width(names), 0.9 + 0.19 * len(names)
    figure = Figure(figsize=(WIDTH, height))
    panel = figure.add_axes(
        (left / WIDTH, 0.45 / height, 1 - (left + 0.2) / WIDTH, 1 - 0.8 / height)
    )
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.grid(visible=False, axis="y")
    panel.set_title(title)
    return figure, panel


def _plot(title: str, across: int = 1) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(WIDTH, 3.8), layout="constrained")
    panels = list(figure.subplots(1, across, squeeze=False).ravel())
    panels[0].set_title(title)
    return figure, panels


def _logarithmic(panel: Axes, axis: str) -> None:
    """Plain numbers on a logarithmic axis, however few decades it spans."""
    getattr(panel, f"set_{axis}scale")("log")
    chosen = getattr(panel, f"{axis}axis")
    chosen.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    chosen.set_major_formatter(lambda value, _: f"{value:g}")
    chosen.set_minor_formatter(NullFormatter())


def _numbered(variants: Sequence[Variant]) -> list[str]:
    return [f"{plain(variant.name)}  {variant.index + 1}" for variant in variants]


def _dots(stage: Stage) -> Figure:
    """FID of every run; how many were lost at the right."""
    figure, panel = _rows(_numbered(stage.variants), "FID of every run, with the median ↓")
    ahead = {variant.index for variant in leaders(stage)}
    for variant in stage.variants:
        values = list(variant.values(stage.primary.name).values())
        colour = LEADING if variant.index in ahead else "#555555"
        panel.scatter(values, [variant.index] * len(values), s=14, color=colour, alpha=0.6, lw=0)
        middle = median(variant, stage.primary)
        if middle is not None:
            panel.plot([middle], [variant.index], "|", color=colour, ms=10, mew=1.6)
        lost = variant.counts.get("diverged", 0)
        if lost:
            panel.annotate(
                f"{lost} diverged", (1, variant.index), xycoords=("axes fraction", "data"),
                ha="right", va="center", fontsize=6.5, color="#D55E00",
            )  # fmt: skip
    _logarithmic(panel, "x")
    for entry in stage.comparison.references.get(stage.primary.base, ()):
        if entry.name in ("real", "kernel_density"):
            panel.axvline(entry.value, color="#444444", lw=0.8, ls=(0, (5, 3)))
            panel.annotate(
                entry.title.lower(), (entry.value, 0), (-2, 2), textcoords="offset points",
                xycoords=("data", "axes fraction"), ha="right", fontsize=6.5, color="#444444",
                rotation=90,
            )  # fmt: skip
    panel.set_xlabel("blue: no loss is established to be better")
    return figure


def _ranks(stage: Stage) -> Figure | None:
    """Mean ranks within seeds with half the critical difference to each side."""
    if stage.primary.name not in stage.comparison.rankings:
        return None
    places, found = stage.comparison.rankings[stage.primary.name]
    order = np.argsort(found.mean_ranks, kind="stable")
    names = _numbered([stage.variants[places[place]] for place in order])
    title = f"Mean rank of FID over {found.seeds} seeds; overlapping bars: no difference (Nemenyi)"
    figure, panel = _rows(names, title)
    half = found.critical_difference / 2
    ranks = np.asarray(found.mean_ranks)[order]
    panel.hlines(range(len(ranks)), ranks - half, ranks + half, color=LEADING, lw=4, alpha=0.25)
    panel.plot(ranks, range(len(ranks)), "o", color=LEADING, ms=4)
    panel.set_xlim(0.5, len(ranks) + 0.5)
    panel.set_xlabel("1 is best")
    return figure


def _look(variant: Variant) -> tuple[str, float, int]:
    """Colour, line width and layer: families stand out."""
    if variant.name in FAMILIES:
        return style(FAMILIES.index(variant.name)).light, 1.5, 3
    return GREY, 0.7, 2


def _label(panel: Axes, variant: Variant, x: float, y: float) -> None:
    colour, _, layer = _look(variant)
    name = f" {plain(variant.name)}" if variant.name in FAMILIES else ""
    panel.annotate(
        f"{variant.index + 1}{name}", (x, y), (3, 2), textcoords="offset points", fontsize=6.5,
        color=colour, zorder=layer,
    )  # fmt: skip


def _curves(stage: Stage) -> Figure | None:
    """Return the median validation FID over discriminator updates and over training time."""
    column = validation_column(stage)
    if column is None:
        return None
    figure, panels = _plot("Validation FID, median over seeds ↓", 2)
    for panel, name in zip(panels, ("Discriminator updates", "Training seconds"), strict=True):
        for variant in stage.variants:
            found = curve(variant, column, "discriminator_updates")
            updates, time = variant.progress("discriminator_updates"), seconds(variant)
            if found is None or not updates or not time:
                continue
            colour, width, layer = _look(variant)
            known = variant.name if variant.name in FAMILIES else None
            x = found.x if panel is panels[0] else found.x * time / updates
            panel.plot(
                x, found.median, marker=".", ms=3, color=colour, lw=width, zorder=layer, label=known
            )
        _logarithmic(panel, "y")
        panel.set_xlabel(name)
    if panels[0].get_legend_handles_labels()[0]:
        panels[0].legend(fontsize=6.5)
    return figure


def _cost(stage: Stage) -> Figure | None:
    """Return the median FID of each loss against its training time."""
    points = [
        (variant, time, fid)
        for variant in stage.variants
        if (time := seconds(variant)) and (fid := median(variant, stage.primary)) is not None
    ]
    if not points:
        return None
    figure, (panel,) = _plot("Median FID against training time; numbers: place in the table ↓")
    for variant, time, fid in points:
        colour, _, layer = _look(variant)
        panel.plot([time], [fid], "o", color=colour, ms=4, zorder=layer)
        _label(panel, variant, time, fid)
    _logarithmic(panel, "y")
    panel.set_xlabel("Training seconds, one thread")
    return figure


def _precision_recall(stage: Stage) -> Figure | None:
    """Median precision against median recall of each loss."""
    if not {"precision", "recall"} <= set(stage.outcomes):
        return None
    across, up = stage.outcomes["precision"], stage.outcomes["recall"]
    figure, (panel,) = _plot("Recall against precision, medians; numbers: place in the table ↑")
    for variant in stage.variants:
        x, y = median_of_finished(variant, across.name), median_of_finished(variant, up.name)
        if x is None or y is None:
            continue
        colour, _, layer = _look(variant)
        panel.plot([x], [y], "o", color=colour, ms=4, zorder=layer)
        _label(panel, variant, x, y)
    real = stage.comparison.real(across), stage.comparison.real(up)
    if real[0] is not None and real[1] is not None:
        panel.plot([real[0]], [real[1]], "+", color="#444444", ms=9)
        panel.annotate("real images", (real[0], real[1]), (5, -3), textcoords="offset points")
    panel.set_xlabel("Precision ↑")
    panel.set_ylabel("Recall ↑")
    return figure


def _profiles(stage: Stage) -> Figure:
    """Return the share of a loss's runs up to each FID; diverged runs never count."""
    figure, (panel,) = _plot("Share of runs with at most this FID")
    end = max(v for each in stage.variants for v in each.values(stage.primary.name).values())
    for variant in stage.variants:
        found = profile(variant, stage.primary)
        if found is None:
            continue
        colour, width, layer = _look(variant)
        x = [found.values[0], *found.values, end]
        y = [0.0, *found.shares, found.shares[-1]]
        known = variant.name if variant.name in FAMILIES else None
        panel.step(x, y, where="post", color=colour, lw=width, zorder=layer, label=known)
    _logarithmic(panel, "x")
    panel.set_ylim(0, 1.02)
    panel.set_xlabel("FID")
    if panel.get_legend_handles_labels()[0]:
        panel.legend(fontsize=6.5, loc="lower right")
    return figure


def _samples(stage: Stage, grids: Mapping[str, bytes]) -> Figure | None:
    """Return the samples of each loss's lowest seed, in the order of the table."""
    found = [(v, png) for v in stage.variants if (png := grids.get(f"{stage.name}/{v.name}.png"))]
    if not found:
        return None
    side, rows = WIDTH / _ACROSS, -(-len(found) // _ACROSS)
    figure = Figure(figsize=(WIDTH, rows * (side + 0.15)), layout="constrained")
    panels = figure.subplots(rows, _ACROSS, squeeze=False).ravel()
    for panel in panels:
        panel.axis("off")
    for panel, (variant, png) in zip(panels, found, strict=False):
        with Image.open(io.BytesIO(png)) as picture:
            panel.imshow(picture.convert("L"), cmap="gray", vmin=0, vmax=255)
        panel.set_title(f"{variant.index + 1} {plain(variant.name, 18)}", fontsize=6)
    return figure


def _budgets(stage: Stage) -> Figure | None:
    found = {stage.primary.name: search(stage.comparison, stage.primary)}
    return figures_metrics.budgets(only_fid(stage), found)


def _settings(stage: Stage) -> Figure:
    """FID of every random setting of each loss."""
    groups: dict[str, list[float]] = {}
    for variant in stage.variants:
        value = median(variant, stage.primary)
        groups.setdefault(variant.runs[0].record.loss, []).extend([] if value is None else [value])
    losses = sorted(groups, key=lambda loss: float(np.median(groups[loss] or [np.inf])))
    figure, panel = _rows(losses, "FID of every random setting ↓")
    for row, loss in enumerate(losses):
        panel.scatter(groups[loss], [row] * len(groups[loss]), s=14, color=LEADING, alpha=0.6, lw=0)
    _logarithmic(panel, "x")
    return figure
