"""How different the samples of one class are: distances in feature space."""

import math

from torch import Tensor

from gan_zoo.evaluation.metrics.checks import finite_double, matching_labels
from gan_zoo.evaluation.metrics.distances import exact_distances, row_blocks


def class_diversities(features: Tensor, labels: Tensor, num_classes: int) -> list[float]:
    """The mean Euclidean distance of two different samples of a class, for each class.

    2 / (n (n - 1)) sum_{i < j} |x_i - x_j| over all pairs; 0 for a class of copies.

    Args:
        features: (N, d) of one extractor.
        labels: (N,) int64, the requested classes; every class needs two samples.
        num_classes: K.

    Returns:
        K floats in units of the features. More is not better beyond the real data's own value:
        noise is diverse too.

    Raises:
        ValueError: features that are no matrix or not finite, labels that do not match, or a class
            with fewer than two samples.
    """
    features = finite_double("features", features)
    matching_labels("features", features, labels)
    diversities = []
    for label in range(num_classes):
        members = features[labels == label]
        count = len(members)
        if count < 2:
            raise ValueError(f"features has {count} samples of class {label}; allowed: 2 or more")
        blocks = [exact_distances(members[b], members).sum() for b in row_blocks(count, count)]
        diversities.append(float(sum(blocks)) / (count * (count - 1)))
    return diversities


def within_class_diversity(features: Tensor, labels: Tensor, num_classes: int) -> float:
    """The mean of ``class_diversities``; arguments and errors are the same."""
    return math.fsum(class_diversities(features, labels, num_classes)) / num_classes
