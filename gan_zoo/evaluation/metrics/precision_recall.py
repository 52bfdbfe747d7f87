"""Fidelity and diversity apart: precision, recall, density and coverage of features."""

from typing import NamedTuple

import torch
from torch import Tensor

from gan_zoo.evaluation.measurement import Comparison, Outcome
from gan_zoo.evaluation.metrics.checks import check_same_width, finite_double
from gan_zoo.evaluation.metrics.distances import (
    CROWD,
    Screen,
    exact_distances,
    pair_distances,
    row_blocks,
)
from gan_zoo.evaluation.metrics.intervals import share_interval
from gan_zoo.evaluation.metrics.registry import Description, Metric, share

METRIC = Metric(
    place=2,
    min_samples=6,  # k + 1
    min_real=6,
    quantities={
        "precision": share(
            "Precision",
            1,
            "Share of generated images inside the manifold of real ones (k nearest neighbours): "
            "fidelity.",
        ),
        "recall": share(
            "Recall", 1, "Share of real images inside the manifold of generated ones: diversity."
        ),
        "density": Description(
            "Density",
            1,
            "Number of real neighbourhoods that hold a generated image, over its expectation: "
            "fidelity, robust to outliers; about 1 for real data.",
            low=0.0,
            unit="multiples of the expected number",
        ),
        "coverage": share(
            "Coverage",
            1,
            "Share of real images whose neighbourhood holds a generated one: diversity.",
        ),
    },
)
NEIGHBOURS = 5  # k

SPARE = 8  # neighbours beyond the k-th that are measured exactly, to allow for rounding


class PrecisionRecall(NamedTuple):
    """Four shares; the ball of a sample reaches to its k-th nearest neighbour of the same kind."""

    precision: float  # of fakes that lie in some real sample's ball
    recall: float  # of real samples that lie in some fake's ball
    density: float  # real balls that a fake lies in, over k, on average: can exceed 1
    coverage: float  # of real samples whose ball holds a fake


def measure(comparison: Comparison) -> Outcome:
    """Compare all generated images with all real ones."""
    real, fake = comparison.real.features.features, comparison.fake.features.features
    radii = comparison.once(f"radii_{NEIGHBOURS}", lambda: ball_radii(real, NEIGHBOURS))
    found = precision_recall_density_coverage(real, fake, NEIGHBOURS, radii)
    intervals = {"precision": share_interval(found.precision, len(fake))}
    return Outcome(found._asdict(), intervals=intervals)


def precision_recall_density_coverage(
    real: Tensor, fake: Tensor, k: int = NEIGHBOURS, real_radii: Tensor | None = None
) -> PrecisionRecall:
    """Return precision, recall, density and coverage from k-nearest-neighbour balls.

    The balls are open (distance < radius), as in the code of the density paper: exact copies of
    the real samples then have density 1, where closed balls would give (k + 1) / k. A collapsed
    generator's balls have radius 0 and its recall is 0.

    Args:
        real: (N, d) features, N more than k.
        fake: (M, d) features of the same extractor, M more than k.
        k: the neighbour that sets a ball's radius, not counting the sample itself.
        real_radii: ``ball_radii(real, k)`` if known.

    Returns:
        Four floats. When real and fake samples are of one distribution, density is 1 and coverage
        1 - prod_{i=1..k} (N - i) / (M + N - i) on average (0.969 for 10,000 each and k = 5);
        precision and recall depend on the dimension, so compare with those of real data.

    Raises:
        ValueError: If k is below 1, a set is not a matrix, too small for k or not finite, or the
            widths differ.

    Source: Kynkaanniemi et al. 2019 (arXiv 1904.06991), equations 1 and 2, which take closed balls;
    Naeem et al. 2020 (arXiv 2002.09797), section 3.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    real = finite_double("real", real, least=k + 1)
    fake = finite_double("fake", fake, least=k + 1)
    check_same_width(real, fake, ("real", "fake"))
    real_radii = ball_radii(real, k) if real_radii is None else real_radii
    fake_radii = ball_radii(fake, k)
    screen = Screen(real, fake)
    precise = torch.zeros(len(fake), dtype=torch.bool, device=fake.device)
    inside = recalled = covered = 0
    for block in row_blocks(len(real), len(fake)):
        gaps, slack = screen.block(block), screen.slack[block, None]
        pairs = (real[block], fake)
        in_real = _closer(gaps, slack, screen.scale, real_radii[block, None], pairs)
        in_fake = _closer(gaps, slack, screen.scale, fake_radii[None], pairs)
        precise |= in_real.any(0)
        inside += int(in_real.sum())
        covered += int(in_real.any(1).sum())
        recalled += int(in_fake.any(1).sum())
    return PrecisionRecall(
        precision=float(precise.double().mean()),
        recall=recalled / len(real),
        density=inside / (k * len(fake)),
        coverage=covered / len(real),
    )


def ball_radii(features: Tensor, k: int) -> Tensor:
    """Return (N,) distances to the k-th nearest other row: the (k + 1)-th smallest of all."""
    features = finite_double("features", features, least=k + 1)
    screen = Screen(features, features)
    spare = min(k + 1 + SPARE, len(features))
    parts = []
    for block in row_blocks(len(features), len(features)):
        candidates = screen.block(block).topk(spare, dim=1, largest=False)
        rows, columns = features[block, None], features[candidates.indices]
        radii = _smallest(exact_distances(rows, columns)[:, 0], k)
        # other rows are at least this far away: if that is too near, compare with all
        omitted = candidates.values.amax(1) - screen.slack[block]
        doubt = (omitted <= screen.scaled(radii)).nonzero().flatten()
        if spare < len(features) and len(doubt) > 0:
            radii[doubt] = _smallest(exact_distances(features[block][doubt], features), k)
        parts.append(radii)
    return torch.cat(parts)


def _smallest(distances: Tensor, k: int) -> Tensor:
    """Return the (k + 1)-th smallest of each row."""
    return distances.topk(k + 1, dim=1, largest=False).values[:, k]


def _closer(
    gaps: Tensor, slack: Tensor, scale: float, radii: Tensor, pairs: tuple[Tensor, Tensor]
) -> Tensor:
    """Return (n, m): is the pair nearer than its radius? Doubtful pairs are measured exactly."""
    limits = (radii / scale).square().float()
    closer = gaps < limits
    first, second = ((gaps - limits).abs_() <= slack).nonzero(as_tuple=True)
    if len(first) > CROWD * len(gaps):
        return exact_distances(*pairs) < radii
    exact = pair_distances(pairs[0][first], pairs[1][second])
    closer[first, second] = exact < radii.expand_as(gaps)[first, second]
    return closer
