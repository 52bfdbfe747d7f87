"""The real data that generated samples are compared with, and their features."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gan_zoo.data.batches import normalise
from gan_zoo.data.devices import kept_global_streams
from gan_zoo.evaluation.feature_cache import feature_path, read_tensors, write_tensors
from gan_zoo.evaluation.features.cnn import Features
from gan_zoo.evaluation.features.extractor import FeatureNetwork
from gan_zoo.evaluation.measurement import (
    Comparison,
    Measurement,
    Samples,
    measure,
    unmeasurable_metrics,
)
from gan_zoo.evaluation.metrics.registry import METRICS, MetricName, applicable, short_count
from gan_zoo.types import Dataset, Split

PART = 5000  # images as floats at a time: all 50,000 would be the peak of a run's memory
# Features by (data set, extractor, part, device), shared by the runs of a sweep in one process.
_FEATURES: dict[tuple[str, str, str, str], Features] = {}
_OF_REAL: dict[tuple[str, str, str, str], Tensor] = {}  # small: what metrics derive from real data


@dataclass(frozen=True)
class Reference:
    """A data set of images, the network that measures it, and the features of its parts.

    Args:
        dataset: on the device of the samples to be measured.
        extractor: the feature network.
        sha256: the data set's fingerprint.
    """

    dataset: Dataset
    extractor: FeatureNetwork
    sha256: str

    # metric and quantity whose smallest value on validation marks the best checkpoint
    criterion: ClassVar[tuple[str, str]] = ("fid", "fid")

    def applicable(self, *, labelled: bool = True) -> list[str]:
        """Return the metrics that this data set, network and these labels allow."""
        dataset = self.dataset
        names = applicable(dataset.sample_shape, dataset.num_classes, labelled=labelled)
        return [n for n in names if METRICS[n].extractor in ("", self.extractor.name)]

    def cheap(self) -> list[str]:
        """Return the metrics that are measured during training by default."""
        return [name for name in self.applicable() if METRICS[name].cheap]

    def unmeasurable(self, split: str, metrics: list[str]) -> dict[str, str]:
        """Return the metrics that a split does not allow, with the reason."""
        return unmeasurable_metrics(metrics, self.dataset, split)

    def features(self, split: str) -> Features:
        """Return the features of all images of a split, from this process, the cache or computed.

        Args:
            split: ``train``, ``validation`` or ``test``.
        """
        key = (self.sha256, self.extractor.sha256, split, self._device)
        if key not in _FEATURES:
            if len(_FEATURES) >= 6:  # two data sets
                _FEATURES.clear()
            images = self._split(split).images
            path = feature_path(self.extractor, self.sha256, split)
            found = read_tensors(path, Features._fields, len(images))
            if found is None:
                parts = [self._extract(normalise(part)) for part in images.split(PART)]
                found = [torch.cat(each) for each in zip(*parts, strict=True)]
                write_tensors(path, dict(zip(Features._fields, found, strict=True)))
            _FEATURES[key] = Features(*(each.to(images.device) for each in found))
        return _FEATURES[key]

    def train_images(self, indices: Tensor) -> Tensor:
        """Return training images, (N, C, H, W) in [-1, 1]."""
        return normalise(self.dataset.train.images[indices])

    def embed(self, images: Tensor, labels: Tensor | None) -> Samples:
        """Return samples with their features.

        Raises:
            ValueError: If images have another shape than the data set's, or are not finite.
        """
        return Samples(images, labels, self._extract(images))

    def measure(self, fake: Samples, split: str, metrics: list[str]) -> Measurement:
        """Compare samples with the real ones of ``validation`` or ``test``, metric by metric."""
        part = self._split(split)
        comparison = Comparison(
            fake=fake,
            real=Samples(normalise(part.images), part.labels, self.features(split)),
            validation=normalise(self.dataset.validation.images),
            train_features=lambda: self.features("train").features,
            num_classes=self.dataset.num_classes,
            once=lambda key, compute: self._once(f"{split}-{key}", compute),
        )
        return measure(comparison, metrics)

    def full_name(self, quantity: str, split: str, count: int) -> str:
        """Return the name of a quantity in records, such as ``fid_mnistcnn_test_10k``."""
        return str(MetricName(quantity, self.extractor.name, split, short_count(count)))

    @property
    def _device(self) -> str:
        return str(self.dataset.train.images.device)

    def _split(self, name: str) -> Split:
        split: Split = getattr(self.dataset, name)
        return split

    def _extract(self, images: Tensor) -> Features:
        with kept_global_streams(images.device):  # a user's network may draw from them
            found = self.extractor.extract(images)
        return Features(*(each.to(images.device) for each in found))  # it may be elsewhere

    def _once(self, what: str, compute: Callable[[], Tensor]) -> Tensor:
        """Return a tensor derived from real data: from this process, the cache, or computed."""
        key = (self.sha256, self.extractor.sha256, what, self._device)
        if key not in _OF_REAL:
            path = feature_path(self.extractor, self.sha256, what)
            found = read_tensors(path, ("values",))
            if found is None:
                found = [compute()]
                write_tensors(path, {"values": found[0]})
            _OF_REAL[key] = found[0].to(self.dataset.train.images.device)
        return _OF_REAL[key]
