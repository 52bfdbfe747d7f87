"""Apply metrics to generated samples: what they get, what they return, and what may go wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.features.cnn import Features
from gan_zoo.evaluation.metrics.registry import METRICS
from gan_zoo.types import Dataset, Split


class Samples(NamedTuple):
    """Images with their labels and features."""

    images: Tensor  # (N, C, H, W) in [-1, 1]
    labels: Tensor | None  # (N,) int64; of generated images: as requested
    features: Features


@dataclass(frozen=True)
class Comparison:
    """Generated samples and the real data that a metric compares them with."""

    fake: Samples
    real: Samples  # the split in the metric's name
    validation: Tensor  # images that no final number is measured on
    train_features: Callable[[], Tensor]  # of all images that the generator was trained on
    num_classes: int
    # once(key, compute): a tensor that depends on real data alone, computed once and cached
    once: Callable[[str, Callable[[], Tensor]], Tensor]

    @property
    def requested(self) -> Tensor:
        """Labels that the generated samples were requested with, for metrics that need them."""
        assert self.fake.labels is not None
        return self.fake.labels


class Outcome(NamedTuple):
    """What one metric gives: quantity -> value, and so on."""

    values: Mapping[str, float]
    per_class: Mapping[str, list[float]] = {}
    intervals: Mapping[str, tuple[float, float]] = {}  # 95%, over samples
    confusion: Sequence[list[int]] = ()  # counts: row = requested class, column = predicted class


def mean_outcome(name: str, values: list[float]) -> Outcome:
    """Return the mean over classes as the value, with the values of the classes."""
    return Outcome({name: sum(values) / len(values)}, {name: values})


def random_rows(count: int, total: int) -> Tensor:
    """Return indices of ``count`` of ``total`` rows, drawn at random, the same in every process.

    Files are often sorted, so that their first rows would be a biased sample.
    """
    return torch.randperm(total, generator=stream(0, "subset"))[:count]


@dataclass
class Measurement:
    """The outcome of several metrics, by quantity or, after ``renamed``, by full name."""

    values: dict[str, float] = field(default_factory=dict)
    per_class: dict[str, list[float]] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    confusion: list[list[int]] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)  # metric -> why it has no value

    def renamed(self, full_name: Callable[[str], str]) -> "Measurement":
        """Return the same numbers under other names, such as ``Reference.name`` gives."""

        def rename(entries: Mapping[str, Any]) -> dict[str, Any]:
            return {full_name(name): entry for name, entry in entries.items()}

        return replace(
            self,
            values=rename(self.values),
            per_class=rename(self.per_class),
            intervals=rename(self.intervals),
            unavailable=rename(self.unavailable),
        )


def measure(comparison: Comparison, names: list[str]) -> Measurement:
    """Apply metrics one after the other.

    If one raises an exception, the reason is in ``unavailable`` and the others are measured
    nonetheless: final metrics come after all the training, which must not be lost.
    """
    result = Measurement()
    for name in names:
        try:
            outcome: Outcome = _module(name).measure(comparison)
        except Exception as error:
            result.unavailable[name] = reason(error)
            continue
        result.values |= outcome.values
        result.per_class |= outcome.per_class
        result.intervals |= outcome.intervals
        result.confusion += outcome.confusion
    return result


def unmeasurable_metrics(names: list[str], dataset: Dataset, split: str) -> dict[str, str]:
    """Return the metrics that the real data are too few or unsuitable for, with the reason.

    Only images and labels are read, so that the reasons are known before training.

    Args:
        names: of metrics.
        dataset: of images.
        split: ``validation`` or ``test``, which samples will be compared with.
    """
    real: Split = getattr(dataset, split)
    count, found = len(real.labels), {}
    for name in names:
        least = METRICS[name].min_real
        why = None
        if count < least:
            why = f"the {split} part has {count} images, and it needs at least {least}"
        elif hasattr(_module(name), "unavailable"):
            why = _module(name).unavailable(dataset, split)
        if why is not None:
            found[name] = why
    return found


def reason(error: Exception) -> str:
    """Return an exception's type and message on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split()) or 'no message'}"


def _module(name: str) -> Any:
    return import_module(f"gan_zoo.evaluation.metrics.{name}")
