"""Static figures at publication quality, the same bytes from the same records."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_zoo.report.comparison import Variant
from gan_zoo.report.curves import curve
from gan_zoo.report.palette import style
from gan_zoo.report.quantities import Quantity, quantity

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "gan_zoo",  # else ids in the file are random
    "svg.fonttype": "path",
    "font.size": 9,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titleweight": "normal",
    "axes.titlelocation": "left",
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
}
COLUMNS = 3


def learning_curves(
    variants: Sequence[Variant], columns: Sequence[Quantity], axis: str = "epoch"
) -> Figure:
    """Small multiples: one panel per history column, a line with a band per variant."""
    rows = -(-len(columns) // COLUMNS)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10, 2.4 * rows + 0.5), layout="constrained")
        panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for panel, column in zip(panels, columns, strict=False):
            for variant in variants:
                _draw_curve(panel, variant, column.name, axis)
            panel.set_title(f"{column.title} {column.arrow}".strip())
            panel.set_xlabel(quantity(axis).title)
        for panel in panels[len(columns) :]:
            panel.set_visible(False)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=min(6, max(1, len(labels))))
    return figure


def _draw_curve(panel: Axes, variant: Variant, column: str, axis: str) -> None:
    look = style(variant.index)
    data = curve(variant, column, axis)
    dash = (0, look.dash) if look.dash else "-"
    x, median = (data.x, data.median) if data else (np.empty(0), np.empty(0))
    panel.plot(
        x, median, color=look.light, linestyle=dash, linewidth=1.4, label=_plain(variant.name)
    )
    if data is not None and data.seeds.max() > 1:
        panel.fill_between(data.x, data.low, data.high, color=look.light, alpha=0.16, linewidth=0)


def _plain(text: str) -> str:
    """Text that matplotlib neither reads as mathematics nor hides from the legend."""
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def to_bytes(figure: Figure, kind: str) -> bytes:
    """Render as ``svg`` or ``png``, without a date or a version in the file."""
    out = io.BytesIO()
    with mpl.rc_context(_STYLE):
        metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        figure.savefig(out, format=kind, dpi=200, metadata=metadata)
    return out.getvalue()
