"""Fréchet distance of features: FID, in float64 and in a form that is exact at rank deficiency."""

import math

import torch
from torch import Tensor

from gan_zoo.evaluation.metrics.checks import finite_double, same_width


def fid(real: Tensor, fake: Tensor) -> float:
    """Squared Fréchet distance of the Gaussians fitted to two sets of features.

    |m_r - m_f|^2 + tr S_r + tr S_f - 2 tr (S_r S_f)^(1/2), covariances with divisor n - 1.

    With the centred features X_r = Q_r R_r / sqrt(n_r - 1) and so on, S_r = R_r^T R_r, the last
    trace is the nuclear norm of R_r R_f^T. That needs no square root of a matrix, holds when there
    are fewer samples than features, and gives exactly 0 for identical sets.

    Args:
        real: (N, d) features, N at least 2.
        fake: (M, d) features of the same extractor, M at least 2; the order of the two is free.

    Returns:
        A float of at least 0, in squared units of the features. Its bias for equal Gaussians is
        about (d + d (d + 1) / 4) (1 / N + 1 / M): compare it with the value that real data reach.

    Raises:
        ValueError: a set that is no matrix, too small, not finite, or sets of different widths.

    Source: Heusel et al. 2017 (arXiv 1706.08500), equation 6. Deviation: features of a network made
    for the data in place of Inception's, so values compare only within one extractor.
    """
    real = finite_double("real", real, least=2)
    fake = finite_double("fake", fake, least=2)
    same_width(real, fake, ("real", "fake"))
    if torch.equal(real, fake):
        return 0.0  # rounding would leave about 1e-16 of the traces
    mean_real, root_real = _mean_and_root(real)
    mean_fake, root_fake = _mean_and_root(fake)
    traces = root_real.square().sum() + root_fake.square().sum()
    cross = torch.linalg.matrix_norm(root_real @ root_fake.T, ord="nuc")
    distance = (mean_real - mean_fake).square().sum() + traces - 2 * cross
    return max(0.0, float(distance))


def _mean_and_root(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean and an R with R^T R = covariance."""
    mean = features.mean(0)
    _, upper = torch.linalg.qr(features - mean, mode="r")
    return mean, upper / math.sqrt(len(features) - 1)
