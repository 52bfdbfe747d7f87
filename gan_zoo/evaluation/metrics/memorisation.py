"""Nearest training images of samples, compared with those of held-out data: detects copies."""

from typing import NamedTuple

from torch import Tensor

from gan_zoo.evaluation.measurement import Comparison, Outcome
from gan_zoo.evaluation.metrics.checks import check_same_width, finite_double
from gan_zoo.evaluation.metrics.distances import nearest
from gan_zoo.evaluation.metrics.intervals import share_interval
from gan_zoo.evaluation.metrics.registry import Description, Metric, share
from gan_zoo.types import Dataset, Split

METRIC = Metric(
    place=10,
    needs_unseen=True,
    quantities={
        "memorisation": Description(
            "Memorisation ratio",
            0,
            "Median distance to the nearest training image, generated images over held-out ones: 1 "
            "for new images as good as real; far below 1: copies; far above: off the data.",
            low=0.0,
            unit="ratio of distances",
        ),
        "near_training_share": share(
            "Share near training images",
            0,
            "Share of generated images nearer to a training image than all but 1% of held-out "
            "ones: 0.01 is expected, far more means copies.",
        ),
    },
)
NEAR = 0.01  # quantile of the held-out distances that counts as near


class Memorisation(NamedTuple):
    """Distances to the nearest training sample; Euclidean, in the space of the arguments."""

    ratio: float  # of medians, fake over held-out; far below 1: copies, far above: off the data
    near_share: float  # of fakes nearer than all but 1% of the held-out: 0.01 is the expected value
    fake_median: float
    held_out_median: float


def measure(comparison: Comparison) -> Outcome:
    """Compare all generated images with all training images."""
    real, train = comparison.real.features.features, comparison.train_features()
    held_out = comparison.once(
        "nearest_training", lambda: nearest(real.double(), train.double()).distances
    )
    found = memorisation(comparison.fake.features.features, train, real, held_out)
    interval = share_interval(found.near_share, len(comparison.fake.images))
    return Outcome(
        {"memorisation": found.ratio, "near_training_share": found.near_share},
        intervals={"near_training_share": interval},
    )


def unavailable(dataset: Dataset, split: str) -> str | None:
    """Return why a split has too few unseen images; None if most are not training images."""
    real: Split = getattr(dataset, split)
    known = {hash(image.tobytes()) for image in dataset.train.images.cpu().numpy()}
    copies = sum(hash(image.tobytes()) in known for image in real.images.cpu().numpy())
    if 2 * copies < len(real.labels):
        return None
    return (
        f"{copies} of the {len(real.labels)} images of the {split} part are also in the training"
        " part, and it needs more images that the generator was not trained on"
    )


def memorisation(
    fake: Tensor, train: Tensor, held_out: Tensor, held_out_distances: Tensor | None = None
) -> Memorisation:
    """Compare nearest-neighbour distances fake -> train with held-out -> train.

    ``near_share`` detects a few copies among many new samples, which medians do not.

    Args:
        fake: (M, d) features (or pixels) of samples.
        train: (N, d) of all that the generator was trained on.
        held_out: (L, d) of real data that it was not trained on.
        held_out_distances: ``nearest(held_out, train).distances`` if known.

    Raises:
        ValueError: If a set is not a matrix, empty or not finite, the widths differ, or at least
            half of the held-out data are training data.

    Source: the nearest-neighbour test of Meehan, Chaudhuri, Dasgupta 2020 (arXiv 2004.05675),
    without its division of the space into cells. The nearest distances are exact, so copies have
    distance 0; copies among the held-out data are left out.
    """
    fake = finite_double("fake", fake)
    train = finite_double("train", train)
    held_out = finite_double("held_out", held_out)
    check_same_width(fake, train, ("fake", "train"))
    check_same_width(held_out, train, ("held_out", "train"))
    fakes = nearest(fake, train).distances
    unseen = held_out_distances
    if unseen is None:
        unseen = nearest(held_out, train).distances
    copies = int((unseen == 0).sum())
    if 2 * copies >= len(unseen):
        raise ValueError(
            f"held_out must be mostly unseen data, got {copies} copies of train among"
            f" {len(unseen)}: pass real data that the generator was not trained on"
        )
    # with 1% of copies or more, the quantile would be 0 and near_share too
    unseen = unseen[unseen > 0]
    fake_median, unseen_median = float(fakes.quantile(0.5)), float(unseen.quantile(0.5))
    near_share = float((fakes < unseen.quantile(NEAR)).double().mean())
    return Memorisation(fake_median / unseen_median, near_share, fake_median, unseen_median)
