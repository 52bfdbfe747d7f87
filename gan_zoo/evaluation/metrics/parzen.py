"""The Parzen-window log-likelihood: a number of the past, kept to compare with it."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gan_zoo.evaluation.metrics.checks import finite_double, same_width
from gan_zoo.evaluation.metrics.distances import row_blocks

BANDWIDTHS = tuple(10 ** (i / 9 - 1) for i in range(10))  # 0.1 to 1, evenly in the logarithm


class Parzen(NamedTuple):
    """The log-likelihood of test data under Gaussians around the samples, in nats."""

    mean: float
    standard_error: float  # of that mean, over the test data
    bandwidth: float  # chosen on validation data; at the rim of the grid: be suspicious


def parzen(samples: Tensor, validation: Tensor, test: Tensor) -> Parzen:
    """Mean log-likelihood of ``test`` under a kernel density estimate from ``samples``.

    The published procedure: 10,000 samples with pixels in [0, 1], the bandwidth among ten from 0.1
    to 1 that is best for 1,000 validation images, then the mean over all 10,000 test images. It
    says little: samples that are mere cluster centres beat real images.

    Args:
        samples: (N, d) in [0, 1].
        validation: (L, d) real data that choose the bandwidth.
        test: (M, d) real data, M at least 2.

    Raises:
        ValueError: a set that is no matrix, empty, not finite, or of another width.

    Source: Breuleux, Bengio, Vincent 2011; Goodfellow et al. 2014 (arXiv 1406.2661), section 5.
    """
    samples = finite_double("samples", samples)
    validation = finite_double("validation", validation)
    test = finite_double("test", test, least=2)
    same_width(samples, validation, ("samples", "validation"))
    same_width(samples, test, ("samples", "test"))
    scores = log_likelihoods(samples, validation, BANDWIDTHS).mean(1)
    bandwidth = BANDWIDTHS[int(scores.argmax())]
    values = log_likelihoods(samples, test, (bandwidth,))[0]
    error = float(values.std()) / math.sqrt(len(values))
    return Parzen(float(values.mean()), error, bandwidth)


def log_likelihoods(samples: Tensor, points: Tensor, bandwidths: tuple[float, ...]) -> Tensor:
    """log (1 / N) sum_i N(x; s_i, b^2 I) of every point x under every bandwidth b.

    Args:
        samples: (N, d) float64.
        points: (M, d) float64.
        bandwidths: B of them.

    Returns:
        (B, M) float64, in nats.
    """
    count, dim = samples.shape
    squares = samples.square().sum(1)
    parts = []
    for block in row_blocks(len(points), count):
        rows = points[block]
        gaps = torch.addmm(squares, rows, samples.T, alpha=-2)
        gaps += rows.square().sum(1, keepdim=True)
        parts.append(torch.stack([(gaps / (-2 * b * b)).logsumexp(1) for b in bandwidths]))
    norms = [dim * math.log(b * math.sqrt(2 * math.pi)) + math.log(count) for b in bandwidths]
    return torch.cat(parts, 1) - samples.new_tensor(norms)[:, None]
