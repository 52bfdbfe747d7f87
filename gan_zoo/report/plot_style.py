"""The common style of all static figures: colors, names, layouts, files."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from gan_zoo.report.quantities import Quantity

# Okabe and Ito's colors that hold against white, and lighter forms of the same hues for dark mode
_LIGHT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B58900", "#56B4E9", "#6B6B6B")
_DARK = ("#4AA8E0", "#FF8A3D", "#2FC79A", "#E59CC5", "#E0B13A", "#8FD0F7", "#A8A8A8")
_DASHES: tuple[tuple[float, ...], ...] = ((), (6.0, 2.5), (1.5, 2.0), (8.0, 2.0, 1.5, 2.0))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
REAL: dict[str, Any] = {"color": "#444444", "linewidth": 0.8, "linestyle": (0, (5, 3))}
DPI = 200
MAX_NAME = 36  # letters of a variant's name in a figure
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "gan_zoo",  # else ids in the file are random
    "svg.fonttype": "path",
    "font.size": 8,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8.5,
    "axes.titleweight": "normal",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # given: else every tick label is measured to place the title
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
}
_FILES: tuple[tuple[str, dict[str, None], dict[str, Any]], ...] = (
    ("svg", {"Date": None, "Creator": None}, {}),
    ("png", {"Software": None}, {"pil_kwargs": {"compress_level": 4}}),
)


@dataclass(frozen=True)
class Style:
    """How a variant is drawn, the same in every figure, table and picture."""

    light: str  # color on white
    dark: str  # color on a dark page
    dash: tuple[float, ...]  # empty: solid
    marker: str  # of matplotlib

    @property
    def line(self) -> dict[str, Any]:
        """Return matplotlib's options of a line."""
        return {"color": self.light, "linestyle": (0, self.dash) if self.dash else "-"}


def style(index: int) -> Style:
    """Return one of seven colors, then the same with another dash pattern and marker."""
    turn, color = divmod(index, len(_LIGHT))
    dash, marker = _DASHES[turn % len(_DASHES)], _MARKERS[turn % len(_MARKERS)]
    return Style(_LIGHT[color], _DARK[color], dash, marker)


@contextmanager
def publication() -> Iterator[None]:
    """Apply the figures' style; do not warn of characters that the font lacks."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def panels(count: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Return a figure of small multiples, each of ``size`` in inches, laid out by content."""
    figure, axes = _grid(count, columns, size, 0.35)
    figure.set_layout_engine("constrained")
    return figure, axes


def line_panels(
    count: int, columns: int, size: tuple[float, float], names: Sequence[str]
) -> tuple[Figure, list[Axes]]:
    """Return small multiples with numbers on both axes and a legend of ``names`` above them."""
    across = max(1, int(min(columns, count) * size[0] / 1.6))  # names in a row of the legend
    head = 0.1 + 0.17 * -(-len(names) // across)
    figure, axes = fixed_panels(count, columns, size, head=head)
    handles = [Line2D([], [], label=plain(name), **style(i).line) for i, name in enumerate(names)]
    figure.legend(handles=handles, loc="upper left", ncols=across, borderaxespad=0.2)
    return figure, axes


def row_panels(
    count: int, columns: int, width: float, names: Sequence[str], head: float = 0.1
) -> tuple[Figure, list[Axes]]:
    """Return small multiples with a row for each name, the first at the top."""
    names = [plain(name) for name in names]
    size = (width, 0.9 + 0.22 * len(names))
    figure, axes = fixed_panels(count, columns, size, head=head, left=name_width(names))
    for number, panel in enumerate(axes):
        panel.set_yticks(range(len(names)), names)
        if number % columns:
            panel.tick_params(axis="y", left=False, labelleft=False)
        panel.set_ylim(len(names) - 0.5, -0.5)
    return figure, axes


def fixed_panels(
    count: int, columns: int, size: tuple[float, float], *, head: float = 0.1, left: float = 0.55
) -> tuple[Figure, list[Axes]]:
    """Return small multiples with margins in inches: ``head`` above and ``left`` of all of them.

    Laying out by content instead measures every tick label, which takes most of the time.
    """
    figure, axes = _grid(count, columns, size, head)
    width, height = figure.get_size_inches()
    figure.subplots_adjust(
        left=left / width, right=1 - 0.15 / width, bottom=0.45 / height,
        top=1 - (head + 0.25) / height, wspace=0.55 / (size[0] - 0.65),
        hspace=0.68 / (size[1] - 0.7),
    )  # fmt: skip
    for panel in axes:
        panel.yaxis.set_major_formatter(_number)
        panel.xaxis.set_major_formatter(_number)
        # given: else every tick label is measured to place the axis' label
        panel.xaxis.set_label_coords(0.5, -0.23 / (panel.get_position().height * height))
    return figure, axes


def logarithmic(panel: Axes) -> None:
    """Make the vertical axis logarithmic with plain numbers: typesetting powers of ten is slow.

    A panel without a value above 0, such as the update ratios of a frozen generator, stays linear.
    """
    if not any((np.asarray(line.get_ydata()) > 0).any() for line in panel.get_lines()):
        return
    panel.set_yscale("log")
    low, high = panel.get_ylim()
    subs = (1, 3) if high < 1e4 * low else (1,)  # with more, a wide axis would have no ticks at all
    panel.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
    panel.yaxis.set_major_formatter(_number)
    panel.yaxis.set_minor_locator(NullLocator())


def _number(value: float, _: float) -> str:
    """Format a tick without a factor for the whole axis, which would overlap the title."""
    return f"{value:.6g}"


def name_width(names: Sequence[str]) -> float:
    """Return the inches that the longest of the names takes at the left of a figure."""
    return 0.2 + 0.062 * max(map(len, names), default=0)


def _grid(
    count: int, columns: int, size: tuple[float, float], head: float
) -> tuple[Figure, list[Axes]]:
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    figure = Figure(figsize=(columns * size[0], rows * size[1] + head))
    axes = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for surplus in axes[count:]:
        surplus.set_visible(False)
    return figure, axes[:count]


def legend(figure: Figure, axes: Axes) -> None:
    """Add one legend above all panels, and let the figure grow by its height."""
    handles, labels = axes.get_legend_handles_labels()
    columns = max(1, min(len(labels), int(figure.get_figwidth() / 1.6)))
    figure.set_figheight(figure.get_figheight() + 0.17 * -(-len(labels) // columns))
    figure.legend(handles, labels, loc="outside upper left", ncols=columns)


def plain(text: str, longest: int = MAX_NAME) -> str:
    """Return shortened text that matplotlib neither reads as math nor hides from a legend."""
    text = " ".join(text.split())
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def heading(item: Quantity) -> str:
    """Return a panel's title: quantity, checkpoint and better direction."""
    return f"{plain(item.full_title, 60)} {item.arrow}".strip()


def to_files(figure: Figure) -> dict[str, bytes]:
    """Render as ``svg`` and ``png``, without a date or a version in the files."""
    files = {}
    for kind, metadata, options in _FILES:
        out = io.BytesIO()
        figure.savefig(out, format=kind, dpi=DPI, metadata=metadata, **options)
        files[kind] = out.getvalue()
        figure.set_layout_engine("none")  # keep the layout found for the first file
    return files
