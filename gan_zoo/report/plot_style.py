"""What all static figures share: style, names, colours, files."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from gan_zoo.report.palette import style
from gan_zoo.report.quantities import Quantity

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
_LONGEST = 36  # letters of a variant's name in a figure
DPI = 200
_FILES: tuple[tuple[str, dict[str, None], dict[str, Any]], ...] = (
    ("svg", {"Date": None, "Creator": None}, {}),
    ("png", {"Software": None}, {"pil_kwargs": {"compress_level": 4}}),
)


@contextmanager
def publication() -> Iterator[None]:
    """The figures' style; a name in a script that the font lacks is no reason to complain."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def panels(count: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """A figure of small multiples, each of the given size in inches, laid out by content."""
    figure, axes = _grid(count, columns, size, 0.35)
    figure.set_layout_engine("constrained")
    return figure, axes


def line_panels(
    count: int, columns: int, size: tuple[float, float], names: Sequence[str]
) -> tuple[Figure, list[Axes]]:
    """Small multiples with numbers on both axes and a legend of ``names`` above them."""
    across = max(1, int(min(columns, count) * size[0] / 1.6))  # names in a row of the legend
    head = 0.1 + 0.17 * -(-len(names) // across)
    figure, axes = fixed_panels(count, columns, size, head=head)
    handles = [Line2D([], [], label=plain(name), **line_style(i)) for i, name in enumerate(names)]
    figure.legend(handles=handles, loc="upper left", ncols=across, borderaxespad=0.2)
    return figure, axes


def fixed_panels(
    count: int, columns: int, size: tuple[float, float], *, head: float = 0.1, left: float = 0.55
) -> tuple[Figure, list[Axes]]:
    """Small multiples with margins in inches: ``head`` above all of them, ``left`` of all of them.

    Laying out by content instead measures every tick label and takes most of the time.
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
    """A logarithmic vertical axis with plain numbers: typesetting powers of ten takes long."""
    panel.set_yscale("log")
    low, high = panel.get_ylim()
    subs = (1, 3) if high < 1e4 * low else (1,)  # with more, a wide axis would have no ticks at all
    panel.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
    panel.yaxis.set_major_formatter(_number)
    panel.yaxis.set_minor_locator(NullLocator())


def _number(value: float, _: float) -> str:
    """A tick's label, without a factor for the whole axis: that would land on the title."""
    return f"{value:.6g}"


def name_width(names: Sequence[str]) -> float:
    """Inches that the longest of the names takes at the left of a figure."""
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
    """One legend above all panels."""
    handles, labels = axes.get_legend_handles_labels()
    columns = max(1, min(len(labels), int(figure.get_figwidth() / 1.6)))
    figure.legend(handles, labels, loc="outside upper left", ncols=columns)


def plain(text: str, longest: int = _LONGEST) -> str:
    """Text that matplotlib neither reads as mathematics nor hides from a legend, of sane length."""
    text = " ".join(text.split())
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def heading(item: Quantity) -> str:
    """A panel's title: quantity, checkpoint and better direction."""
    return f"{plain(item.full_title, 60)} {item.arrow}".strip()


def line_style(index: int) -> dict[str, Any]:
    """Colour and dash of a variant's line."""
    look = style(index)
    return {"color": look.light, "linestyle": (0, look.dash) if look.dash else "-"}


def to_files(figure: Figure) -> dict[str, bytes]:
    """Render as ``svg`` and ``png``, without a date or a version in the files."""
    files = {}
    with publication():
        for kind, metadata, options in _FILES:
            out = io.BytesIO()
            figure.savefig(out, format=kind, dpi=DPI, metadata=metadata, **options)
            files[kind] = out.getvalue()
            figure.set_layout_engine("none")  # the places found for the first file hold
    return files
