"""How scores whose exponential would overflow are read, for the f-divergences that have one."""

from torch import Tensor

from gan_zoo.losses.scores import at_most

KNEE = 30.0  # the largest exponent that is left alone: a density ratio of e^30 = 1e13


def compress_above(scores: Tensor, knee: float, scale: float = 1.0) -> Tensor:
    """x up to ``knee``; beyond it, knee + scale log(1 + (x - knee) / scale).

    Monotone with a continuous slope, so that exp(x / scale) goes on as a straight line where it
    would leave float32 (at 88): its value is finite for scores of 1e4, its slope e^30 at most.

    Both g_f and f* o g_f of a divergence see the *same* compressed score.  The critic's T(x) is
    thus still a function into dom f*, and E_P[T] - E_Q[f*(T)] still the exact variational bound:
    what changes beyond the knee is how a score is turned into T, never the objective.  A batch
    would need more than 1e13 samples for a ratio beyond the knee to show in an honest estimate.
    """
    return at_most(scores, knee) + scale * ((scores - knee).relu() / scale).log1p()


def compress_below(scores: Tensor, knee: float) -> Tensor:
    """The mirror image: x down to -``knee``, logarithmic below."""
    return -compress_above(-scores, knee)
