"""Coverage of known modes: of points in the plane, and of class labels."""

from typing import NamedTuple

import torch
from torch import Tensor

from gan_zoo.evaluation.features.cnn import STACKED_MODES, stacked_modes
from gan_zoo.evaluation.measurement import Comparison, Outcome
from gan_zoo.evaluation.metrics.checks import check_same_width, finite_double
from gan_zoo.evaluation.metrics.class_histogram import class_kl, class_shares
from gan_zoo.evaluation.metrics.distances import exact_distances
from gan_zoo.evaluation.metrics.registry import Description, Metric, share

METRIC = Metric(
    place=7,
    extractor="stackedmnistcnn",
    quantities={
        "modes_covered": Description(
            "Modes covered",
            1,
            "Modes with at least one high-quality sample, or classes that occur.",
            low=0.0,
            unit="number of modes",
        ),
        "high_quality": share(
            "High-quality share",
            1,
            "Share of samples within three standard deviations of a mode; 0.9889 for a perfect "
            "sampler in two dimensions.",
        ),
        "reverse_kl_modes": Description(
            "Reverse KL over modes",
            -1,
            "Divergence of the samples' histogram over modes from the true one.",
            low=0.0,
            unit="nats",
        ),
    },
)


class PointModes(NamedTuple):
    """Coverage of a mixture of Gaussians."""

    covered: int  # modes with at least one high-quality point
    high_quality: float  # share of points within ``radius`` standard deviations of some mode
    reverse_kl: float  # KL(points per nearest mode || weights), in nats


class LabelModes(NamedTuple):
    """Coverage of classes, such as the 1,000 of stacked MNIST."""

    covered: int  # classes that occur
    reverse_kl: float  # KL(shares of the classes || uniform), in nats


def measure(comparison: Comparison) -> Outcome:
    """Count the modes of stacked MNIST; points are measured by ``toy_points``."""
    found = label_modes(stacked_modes(comparison.fake.features.logits), STACKED_MODES)
    return Outcome({"modes_covered": found.covered, "reverse_kl_modes": found.reverse_kl})


def point_modes(
    points: Tensor, means: Tensor, stds: Tensor, weights: Tensor, radius: float = 3.0
) -> PointModes:
    """Return modes covered, high-quality share and reverse KL of points, given their mixture.

    A point belongs to the mode that is nearest in standard deviations. All points count in the
    reverse KL, whatever their quality.

    Args:
        points: (N, D), N at least 1.
        means: (K, D) of isotropic Gaussians.
        stds: (K,) their standard deviations in each dimension.
        weights: (K,) their shares, all positive.
        radius: in standard deviations; a point farther from every mode is of low quality.

    Returns:
        For a perfect generator in the plane: all modes, 1 - exp(-radius^2 / 2) = 0.9889 of high
        quality, and a reverse KL of about (K - 1) / (2 N).

    Raises:
        ValueError: If points or means are not a matrix, empty, not finite or of different widths,
            or standard deviations, weights or radius are not positive or not K.

    Source: Lin et al. 2018 (PacGAN, arXiv 1712.04086), table 1.
    """
    points, means = finite_double("points", points), finite_double("means", means)
    check_same_width(points, means, ("points", "means"))
    for name, values in (("stds", stds), ("weights", weights)):
        if values.shape != (len(means),) or not bool((values > 0).all()):
            raise ValueError(f"{name} must be {len(means)} positive values, got {values.tolist()}")
    if not radius > 0:
        raise ValueError(f"radius must be positive, got {radius}")
    scaled = exact_distances(points, means) / stds.double()
    distances, modes = scaled.min(1)
    good = distances < radius
    return PointModes(
        covered=len(modes[good].unique()),
        high_quality=float(good.double().mean()),
        reverse_kl=class_kl(class_shares(modes, len(means)), weights),
    )


def label_modes(predicted: Tensor, num_modes: int) -> LabelModes:
    """Return the number of classes that occur and the reverse KL to equal shares.

    Args:
        predicted: (N,) int64 in [0, num_modes), the samples' classes by an independent classifier;
            of stacked MNIST 100 a + 10 b + c.
        num_modes: K.

    Returns:
        For a perfect generator a reverse KL of about (K - 1) / (2 N), 0.0192 for 26,000 samples of
        stacked MNIST; some modes are missed by chance when N is not much above K.

    Raises:
        ValueError: If there are no labels, or they are not integers or out of range.

    Source: Metz et al. 2017 (unrolled GAN, arXiv 1611.02163), the experiment on stacked MNIST.
    """
    shares = class_shares(predicted, num_modes)
    uniform = torch.full_like(shares, 1 / num_modes)
    return LabelModes(int((shares > 0).sum()), class_kl(shares, uniform))
