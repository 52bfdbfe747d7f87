"""One colour and one dash pattern per variant, the same in every figure, table and picture."""

from dataclasses import dataclass

# Okabe and Ito's colours that hold against white, and lighter forms of the same hues for dark mode
_LIGHT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B58900", "#56B4E9", "#6B6B6B")
_DARK = ("#4AA8E0", "#FF8A3D", "#2FC79A", "#E59CC5", "#E0B13A", "#8FD0F7", "#A8A8A8")
_DASHES: tuple[tuple[float, ...], ...] = ((), (6.0, 2.5), (1.5, 2.0), (8.0, 2.0, 1.5, 2.0))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@dataclass(frozen=True)
class Style:
    """How a variant is drawn."""

    light: str  # colour on white
    dark: str  # colour on a dark page
    dash: tuple[float, ...]  # empty: solid
    marker: str  # of matplotlib


def style(index: int) -> Style:
    """Seven colours, then the same with another dash pattern and marker."""
    colour, round_ = index % len(_LIGHT), index // len(_LIGHT)
    return Style(
        _LIGHT[colour],
        _DARK[colour],
        _DASHES[round_ % len(_DASHES)],
        _MARKERS[round_ % len(_MARKERS)],
    )
