"""Real data as the feature network sees them: what generated samples are held against."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from gan_zoo.data.batches import normalise
from gan_zoo.evaluation.feature_cache import (
    keep_features,
    keep_tensor,
    kept_path,
    read_features,
    read_kept,
)
from gan_zoo.evaluation.features.cnn import Features
from gan_zoo.evaluation.features.extractor import FeatureNetwork
from gan_zoo.evaluation.features.stacked import STACKED
from gan_zoo.evaluation.registry import (
    Comparison,
    Judgement,
    Samples,
    applicable,
    judge,
    unservable,
)
from gan_zoo.types import Dataset, Split

PART = 5000  # images as floats at a time: all 50,000 would be the peak of a run's memory
# Features by (data set, extractor, part): the runs of a sweep in one process share them.
_FEATURES: dict[tuple[str, str, str], Features] = {}
_OF_REAL: dict[tuple[str, str, str], Tensor] = {}  # small: what metrics need of real samples alone


@dataclass(frozen=True)
class Reference:
    """A data set, the network that measures it, and the features of its parts.

    Args:
        dataset: on the device of the samples that will come.
        extractor: the feature network.
        sha256: the data set's fingerprint.
    """

    dataset: Dataset
    extractor: FeatureNetwork
    sha256: str

    cheap: ClassVar[tuple[str, ...]] = ("fid", "label_accuracy")
    criterion: ClassVar[str] = "fid"  # its smallest value marks the best checkpoint

    def applicable(self, *, labelled: bool = True) -> list[str]:
        """The measures that this data set, this network and these labels allow."""
        dataset = self.dataset
        names = applicable(dataset.sample_shape, dataset.num_classes, labelled=labelled)
        return [name for name in names if name != "modes" or self.extractor.name == STACKED]

    def unservable(self, split: str, metrics: list[str]) -> dict[str, str]:
        """Those of the metrics that this part of the data cannot serve, with the reason."""
        return unservable(metrics, self.dataset, split)

    def split(self, name: str) -> Split:
        """``train``, ``validation`` or ``test``."""
        splits = {"train": self.dataset.train, "validation": self.dataset.validation}
        return splits.get(name, self.dataset.test)

    def features(self, split: str) -> Features:
        """Of all images of that part; computed once a process, or read from the cache folder."""
        key = (self.sha256, self.extractor.sha256, split)
        if key not in _FEATURES:
            if len(_FEATURES) >= 6:  # two data sets: a process that sees more starts over
                _FEATURES.clear()
            images = self.split(split).images
            path = kept_path(self.extractor, self.sha256, split)
            found = read_features(path, len(images))
            if found is None:
                found = self._extract_all(images)
                keep_features(path, found)
            _FEATURES[key] = Features(*(each.to(images.device) for each in found))
        return _FEATURES[key]

    def _extract_all(self, images: Tensor) -> Features:
        found = [self._extract(normalise(part)) for part in images.split(PART)]
        return Features(*(torch.cat(each) for each in zip(*found, strict=True)))

    def samples(self, split: str) -> Samples:
        """That part's images, labels and features."""
        part = self.split(split)
        return Samples(normalise(part.images), part.labels, self.features(split))

    def train_images(self, indices: Tensor) -> Tensor:
        """Training images, (N, C, H, W) in [-1, 1]."""
        return normalise(self.dataset.train.images[indices])

    def seen(self, images: Tensor, labels: Tensor | None) -> Samples:
        """Samples from elsewhere, with their features.

        Raises:
            ValueError: images of another shape than the data set's, or not finite.
        """
        return Samples(images, labels, self._extract(images))

    def _extract(self, images: Tensor) -> Features:
        """Features; a user's network that draws from the global stream does not move training's."""
        with torch.random.fork_rng():
            return self.extractor.extract(images)

    def judge(self, fake: Samples, split: str, metrics: list[str]) -> Judgement:
        """Samples against real ones of ``validation`` or ``test``.

        What a measure raises, as of too few samples or a missing class, is in ``unavailable``.
        """
        comparison = Comparison(
            fake=fake,
            real=self.samples(split),
            validation=normalise(self.dataset.validation.images),
            train_features=lambda: self.features("train").features,
            num_classes=self.dataset.num_classes,
            once=lambda name, compute: self._once(f"{split}-{name}", compute),
        )
        return judge(comparison, metrics)

    def _once(self, name: str, compute: Callable[[], Tensor]) -> Tensor:
        """Return what depends on real samples alone: from this process, the cache or computed."""
        key = (self.sha256, self.extractor.sha256, name)
        if key not in _OF_REAL:
            path = kept_path(self.extractor, self.sha256, name)
            found = read_kept(path)
            if found is None:
                found = compute()
                keep_tensor(path, found)
            _OF_REAL[key] = found.to(self.dataset.train.images.device)
        return _OF_REAL[key]

    def protocol(self, split: str, count: int) -> str:
        """What a metric's name tells beside the quantity: extractor, split, number of samples."""
        return f"{self.extractor.name}_{split}_{short(count)}"


def short(count: int) -> str:
    """10000 -> 10k: how a metric's name tells its number of samples."""
    return f"{count // 1000}k" if count % 1000 == 0 else str(count)


def named(judgement: Judgement, protocol: str) -> Judgement:
    """The same with the protocol in the names: ``fid_mnistcnn_test_10k``."""
    return replace(
        judgement,
        values={f"{name}_{protocol}": value for name, value in judgement.values.items()},
        per_class={f"{name}_{protocol}": found for name, found in judgement.per_class.items()},
        intervals={f"{name}_{protocol}": ends for name, ends in judgement.intervals.items()},
        unavailable={f"{name}_{protocol}": why for name, why in judgement.unavailable.items()},
    )
