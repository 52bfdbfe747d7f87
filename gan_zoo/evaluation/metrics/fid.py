"""Fréchet distance of features (FID), in float64 and in a form that is exact at rank deficiency."""

import math

import torch
from torch import Tensor

from gan_zoo.evaluation.measurement import Comparison, Outcome
from gan_zoo.evaluation.metrics.checks import check_same_width, finite_double
from gan_zoo.evaluation.metrics.registry import SQUARED_DISTANCE, Description, Metric

METRIC = Metric(
    place=0,
    cheap=True,
    min_real=2,
    quantities={
        "fid": Description(
            "Fréchet distance (FID)",
            -1,
            "Fréchet distance between Gaussians fitted to the features of real and generated "
            "images; 0 for equal means and covariances. Its bias depends on the sample size.",
            low=0.0,
            unit=SQUARED_DISTANCE,
        )
    },
)


def measure(comparison: Comparison) -> Outcome:
    """Compare all generated images with all real ones."""
    real, fake = comparison.real.features.features, comparison.fake.features.features
    return Outcome({"fid": fid(real, fake)})


def fid(real: Tensor, fake: Tensor) -> float:
    """Return the squared Fréchet distance of the Gaussians fitted to two sets of features.

    |m_r - m_f|^2 + tr S_r + tr S_f - 2 tr (S_r S_f)^(1/2), covariances with divisor n - 1.

    With the centred features X_r = Q_r R_r / sqrt(n_r - 1) and so on, S_r = R_r^T R_r, the last
    trace is the nuclear norm of R_r R_f^T. That needs no square root of a matrix, holds for fewer
    samples than features, and gives exactly 0 for identical sets.

    Args:
        real: (N, d) features, N at least 2.
        fake: (M, d) features of the same extractor, M at least 2. The distance is symmetric.

    Returns:
        A float of at least 0, in squared units of the features. Its bias for equal Gaussians is
        about (d + d (d + 1) / 4) (1 / N + 1 / M): compare it with the value that real data reach.

    Raises:
        ValueError: If a set is not a matrix, too small or not finite, or the widths differ.

    Source: Heusel et al. 2017 (arXiv 1706.08500), equation 6. Deviation: features of a network
    trained on the data instead of Inception's, so values compare only within one extractor.
    """
    real = finite_double("real", real, least=2)
    fake = finite_double("fake", fake, least=2)
    check_same_width(real, fake, ("real", "fake"))
    if torch.equal(real, fake):
        return 0.0  # rounding would leave about 1e-16 of the traces
    mean_real, root_real = _mean_and_root(real)
    mean_fake, root_fake = _mean_and_root(fake)
    traces = root_real.square().sum() + root_fake.square().sum()
    cross = torch.linalg.matrix_norm(root_real @ root_fake.T, ord="nuc")
    distance = (mean_real - mean_fake).square().sum() + traces - 2 * cross
    return max(0.0, float(distance))


def _mean_and_root(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and an R with R^T R = covariance."""
    mean = features.mean(0)
    _, upper = torch.linalg.qr(features - mean, mode="r")
    return mean, upper / math.sqrt(len(features) - 1)
