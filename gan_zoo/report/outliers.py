"""Axes on which ordinary values stay readable beside one that is larger by orders of magnitude."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FACTOR = 3.0  # the linear part reaches to so many times the median size
BENT = 100.0  # an axis is bent if a value lies so many times beyond the linear part


def linear_part(values: Iterable[float]) -> float | None:
    """Return up to which size an axis is to be linear; None: all of it, there are no outliers.

    >>> linear_part([0.5, 1.0, 2.0, 9e13]), linear_part([0.5, 1.0, 200.0])
    (6.0, None)
    """
    sizes = sorted(abs(value) for value in values if value != 0 and math.isfinite(value))
    if not sizes:
        return None
    reach = FACTOR * sizes[len(sizes) // 2]
    return reach if sizes[-1] > BENT * reach else None


def survive_outliers(panel: "Axes", axis: str, values: Iterable[float]) -> None:
    """Make an axis linear in its inner half and logarithmic beyond, if its values need it.

    Args:
        panel: with everything drawn; an axis that is logarithmic already stays as it is.
        axis: ``x`` or ``y``.
        values: all that are drawn along it.
    """
    known = [float(value) for value in values if math.isfinite(value)]
    reach = linear_part(known)
    scaled, line = {"x": (panel.set_xscale, panel.xaxis), "y": (panel.set_yscale, panel.yaxis)}[
        axis
    ]
    if reach is None or line.get_scale() != "linear":
        return
    formatter = line.get_major_formatter()
    decades = math.log10(max(map(abs, known)) / reach)
    scaled("symlog", linthresh=reach, linscale=decades)
    middle = [sign * reach / FACTOR for sign in (-1, 1)]
    far = [
        sign * 10.0**power
        for sign in (-1, 1)
        for power in range(math.ceil(math.log10(reach)), math.ceil(decades + math.log10(reach)) + 1,
                           max(1, round(decades / 3)))
    ]  # fmt: skip
    least, most = min(known), max(known)
    line.set_ticks(
        sorted(tick for tick in (0.0, *middle, *far) if least <= tick <= most or tick == 0)
    )
    line.set_major_formatter(formatter)
    panel.annotate(
        f"logarithmic beyond ±{reach:.3g}", (1, 1), xycoords="axes fraction", ha="right", va="top",
        fontsize=6, color="#777777",
    )  # fmt: skip
