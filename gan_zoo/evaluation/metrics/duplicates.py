"""Does a generator repeat itself?"""

from typing import NamedTuple

from torch import Tensor

from gan_zoo.evaluation.metrics.checks import finite_double, same_width
from gan_zoo.evaluation.metrics.distances import nearest


class Duplicates(NamedTuple):
    """Shares of samples that have a twin among the others."""

    exact: float  # the very same values
    near: float  # nearer to another one than all but 1% of the real samples: 0.01 is expected


NEAR = 0.01  # quantile of the real samples' distances that counts as near


def duplicates(fake: Tensor, real: Tensor, real_distances: Tensor | None = None) -> Duplicates:
    """The shares of samples that equal, or nearly equal, another sample.

    Args:
        fake: (N, d) features of samples, N at least 2.
        real: (N, d) features of as many real samples, in no special order: the distance to the
            nearest other shrinks as samples become more, so only equal numbers compare.
        real_distances: ``nearest(real, real, exclude_self=True).distances`` if they are known.

    Raises:
        ValueError: a set that is no matrix, too small, not finite; or sets of different shapes.
    """
    fake = finite_double("fake", fake, least=2)
    real = finite_double("real", real, least=2)
    same_width(fake, real, ("fake", "real"))
    if len(fake) != len(real):
        raise ValueError(
            f"fake has {len(fake)} rows and real {len(real)}; allowed: equally many, "
            "take a random part of the larger set"
        )
    fakes = nearest(fake, fake, exclude_self=True).distances
    if real_distances is None:
        real_distances = nearest(real, real, exclude_self=True).distances
    threshold = real_distances.quantile(NEAR)
    exact = fakes == 0
    near = exact | (fakes < threshold)
    return Duplicates(float(exact.double().mean()), float(near.double().mean()))
