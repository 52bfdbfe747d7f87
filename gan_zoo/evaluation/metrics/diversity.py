"""How different the samples of one class are: distances in feature space."""

from torch import Tensor

from gan_zoo.evaluation.measurement import Comparison, Outcome, mean_outcome
from gan_zoo.evaluation.metrics.checks import check_labels, finite_double, members_of
from gan_zoo.evaluation.metrics.distances import exact_distances, row_blocks
from gan_zoo.evaluation.metrics.registry import Description, Metric

METRIC = Metric(
    place=9,
    needs_labels=True,
    min_per_class=2,
    quantities={
        "diversity": Description(
            "Within-class diversity",
            0,
            "Mean distance of pairs of one class. Below the value of real images, a class is too "
            "uniform; far above it, noise.",
            low=0.0,
            unit="distance in feature space",
        )
    },
)


def measure(comparison: Comparison) -> Outcome:
    """Average ``class_diversities``."""
    found = class_diversities(
        comparison.fake.features.features, comparison.requested, comparison.num_classes
    )
    return mean_outcome("diversity", found)


def class_diversities(features: Tensor, labels: Tensor, num_classes: int) -> list[float]:
    """Return the mean Euclidean distance of two different samples of a class, for each class.

    2 / (n (n - 1)) sum_{i < j} |x_i - x_j| over all pairs; 0 for a class of copies.

    Args:
        features: (N, d) of one extractor.
        labels: (N,) int64, the requested classes; every class needs two samples.
        num_classes: K.

    Returns:
        K floats in units of the features. More is not better beyond the real data's own value:
        noise is diverse too.

    Raises:
        ValueError: If the features are not a matrix or not finite, labels do not match, or a class
            has fewer than two samples.
    """
    features = finite_double("features", features)
    check_labels("features", features, labels)
    diversities = []
    for label in range(num_classes):
        members = members_of("features", features, labels, label)
        count = len(members)
        blocks = [exact_distances(members[b], members).sum() for b in row_blocks(count, count)]
        diversities.append(float(sum(blocks)) / (count * (count - 1)))
    return diversities
