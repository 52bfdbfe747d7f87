"""Kernel distance of features: KID by the full unbiased U-statistic."""

import torch
from torch import Tensor

from gan_zoo.evaluation.metrics.checks import finite_double, same_width
from gan_zoo.evaluation.metrics.distances import row_blocks


def kid(real: Tensor, fake: Tensor, within_real: Tensor | None = None) -> float:
    """Squared maximum mean discrepancy under the kernel k(x, y) = (x . y / d + 1)^3.

    mean_{i != j} k(r_i, r_j) + mean_{i != j} k(f_i, f_j) - 2 mean_{i, j} k(r_i, f_j)

    over all pairs, where others average over random subsets of 1,000, whose spread is often larger
    than the value. Unbiased: around 0, and as often below, when the distributions are equal. Not
    for two copies of one set, which it takes for a coincidence and rates below 0.

    Args:
        real: (N, d) features, N at least 2.
        fake: (M, d) features of the same extractor, M at least 2.
        within_real: ``mean_kernel(real)`` if it is known.

    Returns:
        A float of either sign, without the factor 1,000 that some papers print.

    Raises:
        ValueError: a set that is no matrix, too small, not finite, or sets of different widths.

    Source: Binkowski et al. 2018 (arXiv 1801.01401), section 4; estimator of Gretton et al. 2012,
    equation 3. Deviation: features of a network made for the data in place of Inception's.
    """
    real = finite_double("real", real, least=2)
    fake = finite_double("fake", fake, least=2)
    same_width(real, fake, ("real", "fake"))
    n, m = len(real), len(fake)
    within = float(mean_kernel(real) if within_real is None else within_real)
    return within + float(mean_kernel(fake)) - 2 * _kernel_sum(real, fake) / (n * m)


def mean_kernel(features: Tensor) -> Tensor:
    """Return the mean kernel of two different rows of (N, d) features: 0-dim, float64."""
    features, count = features.double(), len(features)
    total = _symmetric_kernel_sum(features) - _kernel_diagonal(features)
    return torch.tensor(total / (count * (count - 1)), dtype=torch.float64)


def _kernel_sum(rows: Tensor, columns: Tensor) -> float:
    one = torch.ones((), dtype=rows.dtype, device=rows.device)
    scaled = columns.T / rows.shape[1]
    blocks = row_blocks(len(rows), len(columns))
    parts = [torch.addmm(one, rows[block], scaled).pow_(3).sum() for block in blocks]
    return float(torch.stack(parts).sum())


def _symmetric_kernel_sum(features: Tensor) -> float:
    """The sum over all pairs of rows of one set: the blocks on and above the diagonal tell all."""
    one = torch.ones((), dtype=features.dtype, device=features.device)
    scaled = features.T / features.shape[1]
    parts = []
    for block in row_blocks(len(features), len(features)):
        kernel = torch.addmm(one, features[block], scaled[:, block.start :]).pow_(3)
        parts.append(2 * kernel.sum() - kernel[:, : block.stop - block.start].sum())
    return float(torch.stack(parts).sum())


def _kernel_diagonal(features: Tensor) -> float:
    return float((features.square().mean(1) + 1).pow(3).sum())
