"""Toy points, compared with the known mixture that they come from."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gan_zoo.data.random_streams import stream
from gan_zoo.data.toys import Modes, grid_modes, ring_modes
from gan_zoo.evaluation.features.cnn import Features
from gan_zoo.evaluation.features.extractor import FeatureNetwork
from gan_zoo.evaluation.measurement import Measurement, Samples
from gan_zoo.evaluation.metrics.intervals import share_interval
from gan_zoo.evaluation.metrics.modes import point_modes
from gan_zoo.evaluation.metrics.registry import MetricName, short_count
from gan_zoo.evaluation.reference import Reference
from gan_zoo.types import Dataset

MODES = {"ring": ring_modes, "grid": grid_modes}


@dataclass(frozen=True)
class PointReference:
    """A data set of points and its mixture, with the interface of ``Reference``.

    Args:
        dataset: one whose name is in ``MODES``, on the device of the points to be measured.
    """

    dataset: Dataset

    criterion: ClassVar[tuple[str, str]] = ("modes", "reverse_kl_modes")

    def applicable(self, *, labelled: bool = True) -> list[str]:
        """Return ``modes``, which needs no labels."""
        return ["modes"]

    def cheap(self) -> list[str]:
        """Return the metrics that are measured during training by default."""
        return ["modes"]

    def unmeasurable(self, split: str, metrics: list[str]) -> dict[str, str]:
        """Return an empty dictionary: the mixture allows all metrics of points."""
        return {}

    def embed(self, points: Tensor, labels: Tensor | None) -> Samples:
        """Return points as samples; they are their own features.

        Raises:
            ValueError: If points are not (N, 2), or not finite.
        """
        shape = self.dataset.sample_shape
        if points.shape[1:] != shape or not bool(points.isfinite().all()):
            raise ValueError(
                f"points must have shape (N, {shape[0]}) and be finite, got shape"
                f" {tuple(points.shape)}"
            )
        return Samples(points, labels, Features(points, points.new_empty(len(points), 0)))

    def measure(self, fake: Samples, split: str, metrics: list[str]) -> Measurement:
        """Compare points with the mixture itself, whatever the split."""
        if not metrics:
            return Measurement()
        device = self.dataset.train.images.device
        modes = Modes(*(part.to(device) for part in MODES[self.dataset.name]()))
        found = point_modes(fake.images, modes.means, modes.stds, modes.weights)
        values = {
            "modes_covered": found.covered,
            "high_quality": found.high_quality,
            "reverse_kl_modes": found.reverse_kl,
        }
        interval = share_interval(found.high_quality, len(fake.images))
        return Measurement(values, intervals={"high_quality": interval})

    def real(self, count: int) -> Samples:
        """Return new points of the mixture, as from a perfect generator."""
        points, labels = MODES[self.dataset.name]().sample(count, stream(0, "floors: real"))
        device = self.dataset.train.images.device
        return self.embed(points.to(device), labels.to(device))

    def full_name(self, quantity: str, split: str, count: int) -> str:
        """Return the name of a quantity in records, such as ``modes_covered_ring_10k``."""
        return str(MetricName(quantity, self.dataset.name, samples=short_count(count)))


def reference_of(
    dataset: Dataset, extractor: FeatureNetwork | None, sha256: str
) -> Reference | PointReference | None:
    """Return what samples of a data set are compared with; None if they cannot be measured.

    Args:
        dataset: on the device of the samples to be measured.
        extractor: the feature network, of images.
        sha256: the data set's fingerprint.
    """
    if dataset.name in MODES and dataset.sample_shape == torch.Size([2]):
        return PointReference(dataset)
    return None if extractor is None else Reference(dataset, extractor, sha256)
