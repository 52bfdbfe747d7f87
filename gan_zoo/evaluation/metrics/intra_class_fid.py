"""FID within each class: conditioning, fidelity and diversity of every class by itself."""

import math

from torch import Tensor

from gan_zoo.evaluation.metrics.checks import matching_labels
from gan_zoo.evaluation.metrics.fid import fid


def class_fids(
    real: Tensor, real_labels: Tensor, fake: Tensor, fake_labels: Tensor, num_classes: int
) -> list[float]:
    """``fid`` of each class's real features and those of the samples asked for as that class.

    Args:
        real, fake: (N, d) and (M, d) features of one extractor.
        real_labels: (N,) int64.
        fake_labels: (M,) int64, as requested from the generator.
        num_classes: K; every class needs at least two samples of each kind.

    Returns:
        K floats. FID's small-sample bias is that of the classes' sizes: compare with real data.

    Raises:
        ValueError: labels that do not match, a class with fewer than two samples of a kind, or
            what ``fid`` raises.
    """
    matching_labels("real", real, real_labels)
    matching_labels("fake", fake, fake_labels)
    distances = []
    for label in range(num_classes):
        members = {"real": real[real_labels == label], "fake": fake[fake_labels == label]}
        for name, features in members.items():
            if len(features) < 2:
                raise ValueError(
                    f"{name} has {len(features)} samples of class {label}; allowed: 2 or more"
                )
        distances.append(fid(members["real"], members["fake"]))
    return distances


def intra_class_fid(
    real: Tensor, real_labels: Tensor, fake: Tensor, fake_labels: Tensor, num_classes: int
) -> float:
    """The mean of ``class_fids``; arguments and errors are the same.

    Source: Miyato and Koyama 2018 (arXiv 1802.05637), section 5 (intra FID).
    """
    distances = class_fids(real, real_labels, fake, fake_labels, num_classes)
    return math.fsum(distances) / num_classes
