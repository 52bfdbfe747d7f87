"""Are the samples copies of training data? Nearest neighbours, beside those of held-out data."""

from typing import NamedTuple

from torch import Tensor

from gan_zoo.evaluation.metrics.checks import finite_double, same_width
from gan_zoo.evaluation.metrics.distances import nearest


class Memorisation(NamedTuple):
    """Distances to the nearest training sample; Euclidean, in the space of the arguments."""

    ratio: float  # of medians, fake over held-out; far below 1: copies, far above: off the data
    near_share: float  # of fakes nearer than all but 1% of the held-out: 0.01 is the expected value
    fake_median: float
    held_out_median: float


NEAR = 0.01  # quantile of the held-out distances that counts as near


def memorisation(
    fake: Tensor, train: Tensor, held_out: Tensor, held_out_distances: Tensor | None = None
) -> Memorisation:
    """Nearest-neighbour distances fake -> train against held-out -> train.

    ``near_share`` sees a few copies among many honest samples, which the medians pass over.

    Args:
        fake: (M, d) features (or pixels) of samples.
        train: (N, d) of all that the generator was trained on.
        held_out: (L, d) of real data that it was not trained on, in no special order.
        held_out_distances: ``nearest(held_out, train).distances`` if they are known.

    Raises:
        ValueError: a set that is no matrix, empty, not finite, or of another width; or held-out
            data at least half of which are training data.

    Source: the test of nearest neighbours, as in Meehan, Chaudhuri, Dasgupta 2020 (arXiv
    2004.05675) without its division of the space into cells. Winners are measured exactly, so
    copies have distance 0; copies among the held-out data are left out.
    """
    fake = finite_double("fake", fake)
    train = finite_double("train", train)
    held_out = finite_double("held_out", held_out)
    same_width(fake, train, ("fake", "train"))
    same_width(held_out, train, ("held_out", "train"))
    fakes = nearest(fake, train).distances
    honest = held_out_distances
    if honest is None:
        honest = nearest(held_out, train).distances
    copies = int((honest == 0).sum())
    if 2 * copies >= len(honest):
        raise ValueError(
            f"held_out: {copies} of {len(honest)} are copies of train, at least half; give real"
            " data that the generator was not trained on"
        )
    # with them, as from 1% on, nothing would be nearer than all but 1% of the held-out data
    honest = honest[honest > 0]
    fake_median, honest_median = float(fakes.quantile(0.5)), float(honest.quantile(0.5))
    near_share = float((fakes < honest.quantile(NEAR)).double().mean())
    return Memorisation(fake_median / honest_median, near_share, fake_median, honest_median)
