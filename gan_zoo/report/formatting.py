"""Numbers as text."""

import math
from collections.abc import Mapping, Sequence


def short(value: float | None, digits: int = 4) -> str:
    """Return a number with about ``digits`` significant digits; a dash for a missing one.

    Numbers below 1 have that many decimals, smaller ones as many as show two significant digits.

    >>> short(0.97123), short(12.3456), short(123456.0), short(None), short(0.0)
    ('0.9712', '12.35', '123,456', '–', '0')
    >>> short(0.05, 2), short(0.00123, 2)
    ('0.050', '0.0012')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size < -4 or size > 8:
        return f"{value:.{digits - 1}g}"
    decimals = max(0, digits - 1 - size) if size >= 0 else max(digits, 1 - size)
    return f"{value:,.{decimals}f}"


def count(value: float | None) -> str:
    """Return a whole number with thousands separators; a dash for a missing one.

    >>> count(12000.0)
    '12,000'
    """
    return "–" if value is None else f"{round(value):,}"


def duration(seconds: float | None) -> str:
    """Return seconds as hours, minutes and seconds; a dash for a missing number.

    >>> duration(42.0), duration(75.0), duration(7260.0)
    ('42 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows as a table of plain text with aligned columns under the keys of the first row.

    >>> print(table([{"loss": "bce", "kl": 0.12345}, {"loss": "hinge", "kl": 1}]))
    loss       kl
    bce    0.1235
    hinge       1
    """
    head = list(rows[0])
    cells = [head, *([_cell(row[key]) for key in head] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if abs(value) < 1e4 else f"{value:.3g}"
