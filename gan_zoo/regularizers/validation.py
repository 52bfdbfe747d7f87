"""The range checks that several regularizers share."""

import math


def require_positive(name: str, value: float) -> None:
    """Refuse what would switch a penalty off, turn it around or blow it up.

    Raises:
        ValueError: value is not a finite number above 0.
    """
    if not (math.isfinite(value) and value > 0):
        raise ValueError(
            f"regularizer.{name} is {value}; allowed: above 0 (regularizer=none switches it off)"
        )
