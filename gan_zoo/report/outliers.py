"""Axes on which ordinary values stay readable beside one that is larger by orders of magnitude.

Matplotlib is not imported here: a run imports this module before it draws anything.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FACTOR = 3.0  # the linear part reaches to this many times the median size
LIMIT = 100.0  # an axis is changed if a value lies this many times beyond the linear part


def linear_part(values: Iterable[float]) -> float | None:
    """Return the size up to which an axis should be linear; None without outliers: all of it.

    >>> linear_part([0.5, 1.0, 2.0, 9e13]), linear_part([0.5, 1.0, 200.0])
    (6.0, None)
    """
    sizes = sorted(abs(value) for value in values if value != 0 and math.isfinite(value))
    if not sizes:
        return None
    reach = FACTOR * sizes[len(sizes) // 2]
    return reach if sizes[-1] > LIMIT * reach else None


def symlog_if_outliers(panel: "Axes", axis: str, values: Iterable[float]) -> None:
    """Make an axis linear in its inner half and logarithmic beyond, if its values need it.

    Args:
        panel: with everything drawn; an axis that is logarithmic already is left unchanged.
        axis: ``x`` or ``y``.
        values: all that are drawn along it.
    """
    known = [float(value) for value in values if math.isfinite(value)]
    reach = linear_part(known)
    line = panel.xaxis if axis == "x" else panel.yaxis
    if reach is None or line.get_scale() != "linear":
        return
    formatter = line.get_major_formatter()
    decades = math.log10(max(map(abs, known)) / reach)
    set_scale = panel.set_xscale if axis == "x" else panel.set_yscale
    set_scale("symlog", linthresh=reach, linscale=decades)
    first, last = math.ceil(math.log10(reach)), math.ceil(decades + math.log10(reach))
    powers = range(first, last + 1, max(1, round(decades / 3)))
    sizes = [reach / FACTOR, *(10.0**power for power in powers)]
    ticks = [0.0, *(sign * size for sign in (-1, 1) for size in sizes)]
    line.set_ticks(sorted(t for t in ticks if min(known) <= t <= max(known) or t == 0))
    line.set_major_formatter(formatter)
    panel.annotate(
        f"logarithmic beyond ±{reach:.3g}", (1, 1), xycoords="axes fraction", ha="right", va="top",
        fontsize=6, color="#777777",
    )  # fmt: skip
