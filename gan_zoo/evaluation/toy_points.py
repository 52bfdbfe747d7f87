"""Toy points held against the mixture that they are to follow, which is known exactly."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gan_zoo.data.random_streams import stream
from gan_zoo.data.toys import Modes, grid_modes, ring_modes
from gan_zoo.evaluation.features.cnn import Features
from gan_zoo.evaluation.features.extractor import FeatureNetwork
from gan_zoo.evaluation.intervals import share_interval
from gan_zoo.evaluation.metrics.modes import point_modes
from gan_zoo.evaluation.reference import Reference, short
from gan_zoo.evaluation.registry import Judgement, Samples
from gan_zoo.types import Dataset

MODES = {"ring": ring_modes, "grid": grid_modes}


@dataclass(frozen=True)
class PointReference:
    """A data set of points and the mixture behind it: what ``Reference`` is to images.

    Args:
        dataset: one whose name is in ``MODES``, on the device of the points that will come.
    """

    dataset: Dataset

    cheap: ClassVar[tuple[str, ...]] = ("modes",)
    criterion: ClassVar[str] = "reverse_kl_modes"

    @property
    def modes(self) -> Modes:
        """The mixture, on the data set's device."""
        device = self.dataset.train.images.device
        return Modes(*(part.to(device) for part in MODES[self.dataset.name]()))

    def applicable(self, *, labelled: bool = True) -> list[str]:
        """Modes covered, high-quality share and reverse KL need no labels."""
        return ["modes"]

    def unservable(self, split: str, metrics: list[str]) -> dict[str, str]:
        """None: the mixture serves all of them."""
        return {}

    def seen(self, points: Tensor, labels: Tensor | None) -> Samples:
        """Points, which are their own features.

        Raises:
            ValueError: other than (N, 2), or not finite.
        """
        shape = self.dataset.sample_shape
        if points.shape[1:] != shape or not bool(points.isfinite().all()):
            raise ValueError(
                f"points have shape {tuple(points.shape)}; allowed: (N, {shape[0]}), all finite"
            )
        return Samples(points, labels, Features(points, points.new_empty(len(points), 0)))

    def judge(self, fake: Samples, split: str, metrics: list[str]) -> Judgement:
        """Points against the mixture; it is the truth itself, so no split of samples takes part."""
        if not metrics:
            return Judgement()
        modes = self.modes
        found = point_modes(fake.images, modes.means, modes.stds, modes.weights)
        values = {
            "modes_covered": found.covered,
            "high_quality": found.high_quality,
            "reverse_kl_modes": found.reverse_kl,
        }
        interval = share_interval(found.high_quality, len(fake.images))
        return Judgement(values, intervals={"high_quality": interval})

    def real(self, count: int) -> Samples:
        """Fresh points of the mixture: what a perfect generator makes."""
        points, labels = MODES[self.dataset.name]().sample(count, stream(0, "floors: real"))
        device = self.dataset.train.images.device
        return self.seen(points.to(device), labels.to(device))

    def protocol(self, split: str, count: int) -> str:
        """What a metric's name tells beside the quantity: data set and number of samples."""
        return f"{self.dataset.name}_{short(count)}"


def reference_of(
    dataset: Dataset, extractor: FeatureNetwork | None, sha256: str
) -> Reference | PointReference | None:
    """What samples of this data set are held against; None where there is no measure.

    Args:
        dataset: on the device of the samples that will come.
        extractor: the feature network, of images.
        sha256: the data set's fingerprint.
    """
    if dataset.name in MODES and dataset.sample_shape == torch.Size([2]):
        return PointReference(dataset)
    return None if extractor is None else Reference(dataset, extractor, sha256)
