"""Structural similarity within a class in three scales, as the AC-GAN paper measures diversity.

The usual MS-SSIM takes five scales and windows of 11 pixels, which need 176 pixels a side. For
28 × 28 there are three scales (28, 14, 7 pixels) and windows of 5, hence the names.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.measurement import Comparison, Outcome, mean_outcome
from gan_zoo.evaluation.metrics.checks import check_labels, members_of
from gan_zoo.evaluation.metrics.registry import Description, Metric

METRIC = Metric(
    place=8,
    needs_labels=True,
    min_per_class=2,
    min_side=20,
    quantities={
        "ms_ssim_3scale": Description(
            "Within-class MS-SSIM",
            0,
            "Mean similarity of random pairs of one class. Above the value of real images, images "
            "of a class resemble each other too much; far below it they are noise.",
            -1.0,
            1.0,
            "similarity, 1 for equal images",
        )
    },
)
PAIRS = 200  # of images of a class whose similarity is averaged

SCALES = 3
WINDOW = 5
SIGMA = 1.0  # pixels
# the first three of the paper's five exponents, scaled to sum 1
EXPONENTS = tuple(w / (0.0448 + 0.2856 + 0.3001) for w in (0.0448, 0.2856, 0.3001))
SMALLEST = WINDOW * 2 ** (SCALES - 1)  # pixels a side
LUMINANCE, CONTRAST = 0.01**2, 0.03**2  # the paper's constants for images in [0, 1]


def measure(comparison: Comparison) -> Outcome:
    """Average ``class_ms_ssim_3scale``."""
    found = class_ms_ssim_3scale(
        comparison.fake.images, comparison.requested, comparison.num_classes, PAIRS,
        stream(0, "pairs for MS-SSIM"),
    )  # fmt: skip
    return mean_outcome("ms_ssim_3scale", found)


def ms_ssim_3scale(first: Tensor, second: Tensor) -> Tensor:
    """Return the multi-scale structural similarity of N pairs of images, 1 for equal ones.

    l_3^w3 prod_{j = 1..3} cs_j^wj with l = (2 m m' + c1) / (m^2 + m'^2 + c1) and
    cs = (2 cov + c2) / (v + v' + c2), both means over an image's windows; negative ones count as 0.

    Args:
        first, second: (N, C, H, W) in [-1, 1], H and W at least 20.

    Returns:
        (N,) float64 in [0, 1].

    Raises:
        ValueError: If images have different or too small shapes or are not finite.

    Source: Wang, Simoncelli, Bovik 2003, equations 1-7. Deviations: three scales instead of five,
    Gaussian windows of 5 pixels (sigma 1) instead of 11 (1.5), no padding. The authors' code
    multiplies l and cs of the last scale before the mean over windows, here after it.
    """
    _check(first, second)
    x, y = ((images.detach().double() + 1) / 2 for images in (first, second))
    result = torch.ones(len(x), dtype=torch.float64, device=x.device)
    for scale, exponent in enumerate(EXPONENTS):
        if scale > 0:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        luminance, structure = _similarity(x, y)
        result *= structure.clamp(min=0) ** exponent
    return result * luminance.clamp(min=0) ** EXPONENTS[-1]


def class_ms_ssim_3scale(
    images: Tensor, labels: Tensor, num_classes: int, pairs: int, rng: torch.Generator
) -> list[float]:
    """Return the mean ``ms_ssim_3scale`` of random pairs of a class, for each class.

    Args:
        images: (N, C, H, W) in [-1, 1].
        labels: (N,) int64; every class needs two images.
        num_classes: K.
        pairs: drawn for each class, uniformly among its pairs of different images.
        rng: draws them; on the CPU.

    Returns:
        K floats; values above those of the real data mean that a class lacks variety.

    Raises:
        ValueError: If ``pairs`` is below 1, labels do not match, a class has fewer than two images,
            or ``ms_ssim_3scale`` raises it.

    Source: Odena, Olah, Shlens 2017 (arXiv 1610.09585), section 4.2.
    """
    if pairs < 1:
        raise ValueError(f"pairs must be at least 1, got {pairs}")
    check_labels("images", images, labels)
    similarities = []
    for label in range(num_classes):
        members = members_of("images", images, labels, label)
        count = len(members)
        one = torch.randint(count, (pairs,), generator=rng)
        step = torch.randint(1, count, (pairs,), generator=rng)
        other = (one + step) % count  # never itself, every other equally likely
        similarities.append(float(ms_ssim_3scale(members[one], members[other]).mean()))
    return similarities


def _check(first: Tensor, second: Tensor) -> None:
    shape = first.shape
    if shape != second.shape or len(shape) != 4 or min(shape[2:]) < SMALLEST or len(first) == 0:
        raise ValueError(
            f"images must have equal shapes (N, C, H, W) with N at least 1, H and W at least"
            f" {SMALLEST}, got {tuple(shape)} and {tuple(second.shape)}"
        )
    if not bool(first.isfinite().all() and second.isfinite().all()):
        raise ValueError("images must be finite, got NaN or infinity")


def _bands(size: int, device: torch.device) -> Tensor:
    """Return a (size - 4, size) matrix of Gaussian weights, each row a pixel further."""
    offsets = torch.arange(WINDOW, dtype=torch.float64) - (WINDOW - 1) / 2
    line = (-offsets.square() / (2 * SIGMA**2)).exp()
    bands = torch.zeros(size - WINDOW + 1, size, dtype=torch.float64)
    for place in range(WINDOW):
        bands.diagonal(place).fill_(float(line[place] / line.sum()))
    return bands.to(device)  # one copy instead of a read for each weight


def _similarity(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return (N,) luminance and contrast-structure terms, means over windows and channels."""

    down, across = (_bands(size, x.device) for size in x.shape[2:])

    def local(images: Tensor) -> Tensor:
        # the Gaussian window is separable: two matrix products take half the time of a
        # convolution in float64
        return (down @ images @ across.T).flatten(1)

    mean_x, mean_y = local(x), local(y)
    var_x = local(x * x) - mean_x**2
    var_y = local(y * y) - mean_y**2
    covariance = local(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + LUMINANCE) / (mean_x**2 + mean_y**2 + LUMINANCE)
    structure = (2 * covariance + CONTRAST) / (var_x + var_y + CONTRAST)
    return luminance.mean(1), structure.mean(1)
