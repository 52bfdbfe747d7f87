"""Share of samples that a generator repeats."""

from typing import NamedTuple

from torch import Tensor

from gan_zoo.evaluation.measurement import Comparison, Outcome, random_rows
from gan_zoo.evaluation.metrics.checks import check_same_width, finite_double
from gan_zoo.evaluation.metrics.distances import nearest
from gan_zoo.evaluation.metrics.registry import Metric, share

METRIC = Metric(
    place=11,
    min_real=2,
    quantities={
        "duplicates_exact": share(
            "Exact duplicates", -1, "Share of generated images that equal another generated one."
        ),
        "duplicates_near": share(
            "Near duplicates",
            0,
            "Share of generated images nearer to another one than all but 1% of as many real "
            "images: 0.01 is expected, far more means repetition.",
        ),
    },
)
NEAR = 0.01  # quantile of the real samples' distances that counts as near


class Duplicates(NamedTuple):
    """Shares of samples that have a twin among the others."""

    exact: float  # the very same values
    near: float  # nearer to another one than all but 1% of the real samples: 0.01 is expected


def measure(comparison: Comparison) -> Outcome:
    """Compare equally many random generated and real images."""
    fake, real = comparison.fake.features.features, comparison.real.features.features
    count = min(len(fake), len(real))
    fake, real = (part[random_rows(count, len(part)).to(part.device)] for part in (fake, real))
    distances = comparison.once(
        f"nearest_of_{count}", lambda: nearest(real.double(), real.double(), exclude_self=True)[0]
    )
    found = duplicates(fake, real, distances)
    return Outcome({"duplicates_exact": found.exact, "duplicates_near": found.near})


def duplicates(fake: Tensor, real: Tensor, real_distances: Tensor | None = None) -> Duplicates:
    """Return the shares of samples that equal, or nearly equal, another sample.

    Args:
        fake: (N, d) features of samples, N at least 2.
        real: (N, d) features of as many real samples, in random order: the distance to the
            nearest other shrinks with the number of samples, so only equal numbers compare.
        real_distances: ``nearest(real, real, exclude_self=True).distances`` if known.

    Raises:
        ValueError: If a set is not a matrix, too small or not finite, or the shapes differ.
    """
    fake = finite_double("fake", fake, least=2)
    real = finite_double("real", real, least=2)
    check_same_width(fake, real, ("fake", "real"))
    if len(fake) != len(real):
        raise ValueError(
            f"fake and real must have equally many rows, got {len(fake)} and {len(real)}: take a"
            " random part of the larger set"
        )
    fakes = nearest(fake, fake, exclude_self=True).distances
    if real_distances is None:
        real_distances = nearest(real, real, exclude_self=True).distances
    threshold = real_distances.quantile(NEAR)
    exact = fakes == 0
    near = exact | (fakes < threshold)
    return Duplicates(float(exact.double().mean()), float(near.double().mean()))
