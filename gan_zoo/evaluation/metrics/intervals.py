"""95% intervals over samples of shares, means and distances between histograms.

They show how far a number would move with other samples of the *same* generator, not with another
training run; for that, train several seeds.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Distance = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # (..., K) shares to (...)

TAIL = 0.025  # on either side
RESAMPLES = 400
_STEPS = 8  # of a bisection


def share_interval(share: float, count: int) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a share of ``count`` independent samples.

    It covers in at least 95% of cases and has a positive width at 0 and 1 too: 19 of 19 are
    consistent with any probability above 0.82.

    >>> [round(end, 3) for end in share_interval(1.0, 19)]
    [0.824, 1.0]
    """
    from scipy import special  # takes a third of a second, so not before the first update

    found = round(share * count)
    low = special.betaincinv(found, count - found + 1, TAIL) if found > 0 else 0.0
    high = special.betaincinv(found + 1, count - found, 1 - TAIL) if found < count else 1.0
    return float(low), float(high)


def mean_interval(mean: float, standard_error: float, count: int) -> tuple[float, float]:
    """Return Student's interval of a mean of at least two values."""
    from scipy import special

    half = float(special.stdtrit(count - 1, 1 - TAIL)) * standard_error
    return mean - half, mean + half


def histogram_interval(
    shares: NDArray[np.float64], wanted: NDArray[np.float64], count: int, distance: Distance
) -> tuple[float, float]:
    """Return the interval of a distance between observed and wanted shares of classes.

    Noise biases such distances upwards, so that a bootstrap misses the true value where the shares
    are as wanted. Instead, consider the shares on the straight line from the wanted through the
    observed ones. The interval holds the distances of those under which ``count`` samples give a
    distance below the observed one, and one above it, in at least 2.5% of cases each. It always
    contains the observed distance.

    Args:
        shares: (K,) observed among ``count`` samples.
        wanted: (K,).
        count: of samples.
        distance: between drawn shares, (..., K), and the wanted ones.
    """
    shares, wanted = (each / each.sum() for each in (shares, wanted))
    observed = float(distance(shares))
    away = shares - wanted
    falling = away < 0

    def on_line(t: float) -> NDArray[np.float64]:
        found = np.clip(wanted + t * away, 0, None)
        return found / found.sum()

    def quantile(t: float, level: float) -> float:
        draws = np.random.default_rng(0).multinomial(count, on_line(t), RESAMPLES) / count
        return float(np.quantile(distance(draws), level))

    def not_too_near(t: float) -> bool:
        return quantile(t, 1 - TAIL) >= observed - 1e-12

    def not_too_far(t: float) -> bool:
        return quantile(t, TAIL) <= observed + 1e-12

    def last(good: float, bad: float, holds: Callable[[float], bool]) -> float:
        """Return the last place between ``good``, where it holds, and ``bad`` where it holds."""
        if holds(bad):
            return bad
        for _ in range(_STEPS):
            middle = (good + bad) / 2
            good, bad = (middle, bad) if holds(middle) else (good, middle)
        return good

    if not falling.any():
        return 0.0, quantile(0.0, 1 - TAIL)
    low = float(distance(on_line(last(1.0, 0.0, not_too_near))))
    if not_too_far(1.0):
        edge = float((wanted[falling] / -away[falling]).min())  # where a class has none left
        high = float(distance(on_line(last(1.0, edge, not_too_far))))
    else:  # nearer to the wanted shares than noise allows
        high = quantile(1.0, 1 - TAIL)
    return max(0.0, min(low, observed)), max(high, observed)
