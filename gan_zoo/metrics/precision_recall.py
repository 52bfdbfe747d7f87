"""Fidelity and diversity apart: precision, recall, density and coverage of features."""

from typing import NamedTuple

import torch
from torch import Tensor

from gan_zoo.metrics.checks import finite_double, same_width
from gan_zoo.metrics.distances import exact_distances, row_blocks


class PrecisionRecall(NamedTuple):
    """Four shares; the ball of a sample reaches to its k-th nearest neighbour of the same kind."""

    precision: float  # of fakes that lie in some real sample's ball
    recall: float  # of real samples that lie in some fake's ball
    density: float  # real balls that a fake lies in, over k, on average: can exceed 1
    coverage: float  # of real samples whose ball holds a fake


def precision_recall_density_coverage(real: Tensor, fake: Tensor, k: int = 5) -> PrecisionRecall:
    """Precision, recall, density and coverage from k-nearest-neighbour balls.

    The balls are open (distance < radius), as in the density paper's code: exact copies of the
    real samples then have density 1, closed balls would give (k + 1) / k. A collapsed generator's
    balls have radius 0 and its recall is 0.

    Args:
        real: (N, d) features, N more than k.
        fake: (M, d) features of the same extractor, M more than k.
        k: the neighbour that sets a ball's radius, the sample itself not counted.

    Returns:
        Four floats. When real and fake samples are of one distribution, density is 1 and coverage
        1 - prod_{i=1..k} (N - i) / (M + N - i) on average (0.969 for 10,000 each and k = 5);
        precision and recall depend on the dimension, so compare with those of real data.

    Raises:
        ValueError: k below 1; a set that is no matrix, too small for k, not finite; or sets of
            different widths.

    Source: Kynkaanniemi et al. 2019 (arXiv 1904.06991), equations 1 and 2, which take closed balls;
    Naeem et al. 2020 (arXiv 2002.09797), section 3.
    """
    if k < 1:
        raise ValueError(f"k is {k}; allowed: 1 or more")
    real = finite_double("real", real, least=k + 1)
    fake = finite_double("fake", fake, least=k + 1)
    same_width(real, fake, ("real", "fake"))
    real_radii, fake_radii = _radii(real, k), _radii(fake, k)
    precise = torch.zeros(len(fake), dtype=torch.bool, device=fake.device)
    inside = recalled = covered = 0
    for block in row_blocks(len(real), len(fake)):
        distances = exact_distances(real[block], fake)
        in_real = distances < real_radii[block, None]
        precise |= in_real.any(0)
        inside += int(in_real.sum())
        covered += int(in_real.any(1).sum())
        recalled += int((distances < fake_radii).any(1).sum())
    return PrecisionRecall(
        precision=float(precise.double().mean()),
        recall=recalled / len(real),
        density=inside / (k * len(fake)),
        coverage=covered / len(real),
    )


def _radii(features: Tensor, k: int) -> Tensor:
    """(N,) distances to the k-th nearest other row: the (k + 1)-th smallest, itself included."""
    parts = []
    for block in row_blocks(len(features), len(features)):
        distances = exact_distances(features[block], features)
        parts.append(distances.topk(k + 1, dim=1, largest=False).values[:, k])
    return torch.cat(parts)
