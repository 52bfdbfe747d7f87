"""The Parzen-window log-likelihood, for comparison with papers of the time."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gan_zoo.evaluation.measurement import Comparison, Outcome, random_rows
from gan_zoo.evaluation.metrics.checks import check_same_width, finite_double
from gan_zoo.evaluation.metrics.distances import row_blocks
from gan_zoo.evaluation.metrics.intervals import mean_interval
from gan_zoo.evaluation.metrics.registry import Description, Metric

METRIC = Metric(
    place=12,
    on_request=True,  # takes as long as all others
    min_real=2,
    quantities={
        "parzen_log_likelihood": Description(
            "Parzen log-likelihood",
            1,
            "Mean log-likelihood of test images under a kernel density estimate of samples. A "
            "legacy number: rewards cluster centres over real images.",
            unit="nats",
        )
    },
)
VALIDATION = 1000  # images that choose the bandwidth, as published

BANDWIDTHS = tuple(10 ** (i / 9 - 1) for i in range(10))  # 0.1 to 1, evenly in the logarithm


class Parzen(NamedTuple):
    """The log-likelihood of test data under Gaussians around the samples, in nats."""

    mean: float
    standard_error: float  # of that mean, over the test data
    bandwidth: float  # chosen on validation data; suspicious at either end of the grid


def measure(comparison: Comparison) -> Outcome:
    """Use all generated and real images, with pixels in [0, 1]."""
    validation = comparison.validation
    validation = validation[random_rows(VALIDATION, len(validation))]
    sets = (comparison.fake.images, validation, comparison.real.images)
    found = parzen(*(images.double().flatten(1).add_(1).div_(2) for images in sets))
    interval = mean_interval(found.mean, found.standard_error, len(comparison.real.images))
    name = "parzen_log_likelihood"
    return Outcome({name: found.mean}, intervals={name: interval})


def parzen(samples: Tensor, validation: Tensor, test: Tensor) -> Parzen:
    """Return the mean log-likelihood of ``test`` under a kernel density estimate.

    The published procedure takes 10,000 samples with pixels in [0, 1], chooses the bandwidth among
    ten from 0.1 to 1 that is best for 1,000 validation images, and averages over all 10,000 test
    images. It says little: samples that are mere cluster centres beat real images.

    Args:
        samples: (N, d) in [0, 1], the centres of the estimate.
        validation: (L, d) real data that choose the bandwidth.
        test: (M, d) real data, M at least 2.

    Raises:
        ValueError: If a set is not a matrix, empty or not finite, or the widths differ.

    Source: Breuleux, Bengio, Vincent 2011; Goodfellow et al. 2014 (arXiv 1406.2661), section 5.
    """
    samples = finite_double("samples", samples)
    validation = finite_double("validation", validation)
    test = finite_double("test", test, least=2)
    check_same_width(samples, validation, ("samples", "validation"))
    check_same_width(samples, test, ("samples", "test"))
    scores = log_likelihoods(samples, validation, BANDWIDTHS).mean(1)
    bandwidth = BANDWIDTHS[int(scores.argmax())]
    values = log_likelihoods(samples, test, (bandwidth,))[0]
    error = float(values.std()) / math.sqrt(len(values))
    return Parzen(float(values.mean()), error, bandwidth)


def log_likelihoods(samples: Tensor, points: Tensor, bandwidths: tuple[float, ...]) -> Tensor:
    """Return log (1 / N) sum_i N(x; s_i, b^2 I) for every point x and every bandwidth b.

    Args:
        samples: (N, d) float64.
        points: (M, d) float64.
        bandwidths: B positive numbers.

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
