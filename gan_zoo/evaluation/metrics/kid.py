"""Kernel distance of features: KID by the full unbiased U-statistic."""

import torch
from torch import Tensor

from gan_zoo.evaluation.measurement import Comparison, Outcome
from gan_zoo.evaluation.metrics.checks import check_same_width, finite_double
from gan_zoo.evaluation.metrics.distances import row_blocks
from gan_zoo.evaluation.metrics.registry import Description, Metric

METRIC = Metric(
    place=3,
    min_real=2,
    quantities={
        "kid": Description(
            "Kernel distance (KID)",
            -1,
            "Squared maximum mean discrepancy of features under a cubic kernel, unbiased: may be "
            "slightly negative.",
            unit="squared discrepancy under the kernel",
        )
    },
)


def measure(comparison: Comparison) -> Outcome:
    """Compare all generated images with all real ones."""
    real = comparison.real.features.features
    within = comparison.once("mean_kernel", lambda: mean_kernel(real))
    return Outcome({"kid": kid(real, comparison.fake.features.features, within)})


def kid(real: Tensor, fake: Tensor, within_real: Tensor | None = None) -> float:
    """Return the squared maximum mean discrepancy under the kernel (x . y / d + 1)^3.

    With k(x, y) = (x . y / d + 1)^3:

    mean_{i != j} k(r_i, r_j) + mean_{i != j} k(f_i, f_j) - 2 mean_{i, j} k(r_i, f_j)

    over all pairs; other implementations average over random subsets of 1,000, whose spread is
    often larger than the value. The estimate is unbiased: it scatters around 0 when the
    distributions are equal. Two copies of one set are rated below 0.

    Args:
        real: (N, d) features, N at least 2.
        fake: (M, d) features of the same extractor, M at least 2.
        within_real: ``mean_kernel(real)`` if known.

    Returns:
        A float of either sign, without the factor 1,000 that some papers print.

    Raises:
        ValueError: If a set is not a matrix, too small or not finite, or the widths differ.

    Source: Binkowski et al. 2018 (arXiv 1801.01401), section 4; estimator of Gretton et al. 2012,
    equation 3. Deviation: features of a network trained on the data instead of Inception's.
    """
    real = finite_double("real", real, least=2)
    fake = finite_double("fake", fake, least=2)
    check_same_width(real, fake, ("real", "fake"))
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
    """Sum over all pairs of rows of one set, from the blocks on and above the diagonal."""
    one = torch.ones((), dtype=features.dtype, device=features.device)
    scaled = features.T / features.shape[1]
    parts = []
    for block in row_blocks(len(features), len(features)):
        kernel = torch.addmm(one, features[block], scaled[:, block.start :]).pow_(3)
        parts.append(2 * kernel.sum() - kernel[:, : block.stop - block.start].sum())
    return float(torch.stack(parts).sum())


def _kernel_diagonal(features: Tensor) -> float:
    return float((features.square().mean(1) + 1).pow(3).sum())
