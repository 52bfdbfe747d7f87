"""Every metric of image samples by its name: what it needs, and which numbers it gives.

``MEASURES`` is the menu of ``evaluation.metrics``.  Each measure takes a ``Comparison`` and gives
an ``Outcome``; the mathematics is in ``gan_zoo.evaluation.metrics``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import rel_entr
from torch import Tensor

from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.features.cnn import SMALLEST as SMALLEST_IMAGE
from gan_zoo.evaluation.features.cnn import Features
from gan_zoo.evaluation.features.stacked import MODES, stacked_modes
from gan_zoo.evaluation.intervals import Distance, histogram_interval, mean_interval, share_interval
from gan_zoo.evaluation.metrics.class_histogram import class_kl, class_shares, class_total_variation
from gan_zoo.evaluation.metrics.distances import nearest
from gan_zoo.evaluation.metrics.diversity import class_diversities
from gan_zoo.evaluation.metrics.duplicates import duplicates
from gan_zoo.evaluation.metrics.fid import fid
from gan_zoo.evaluation.metrics.gan_train import gan_train
from gan_zoo.evaluation.metrics.inception_score import inception_score
from gan_zoo.evaluation.metrics.intra_class_fid import class_fids
from gan_zoo.evaluation.metrics.kid import kid, mean_kernel
from gan_zoo.evaluation.metrics.label_accuracy import confusion_matrix, label_accuracy
from gan_zoo.evaluation.metrics.memorisation import memorisation
from gan_zoo.evaluation.metrics.modes import label_modes
from gan_zoo.evaluation.metrics.ms_ssim import SMALLEST, class_ms_ssim_3scale
from gan_zoo.evaluation.metrics.parzen import parzen
from gan_zoo.evaluation.metrics.precision_recall import (
    ball_radii,
    precision_recall_density_coverage,
)
from gan_zoo.types import Batch, Dataset, Split

PAIRS = 200  # of images of a class whose similarity is averaged
PARZEN_VALIDATION = 1000  # images that choose the bandwidth, as published
NEIGHBOURS = 5  # k of precision, recall, density, coverage


class Samples(NamedTuple):
    """Images as the feature network sees them."""

    images: Tensor  # (N, C, H, W) in [-1, 1]
    labels: Tensor | None  # (N,) int64; of generated ones: as requested; None: there are none
    features: Features


@dataclass(frozen=True)
class Comparison:
    """Generated samples and the real ones that they are held against."""

    fake: Samples
    real: Samples  # the split that the metric's name tells
    validation: Tensor  # images that no final number is measured on
    train_features: Callable[[], Tensor]  # of all that the generator was trained on
    num_classes: int
    once: Callable[[str, Callable[[], Tensor]], Tensor]  # of real samples alone: computed once

    @property
    def requested(self) -> Tensor:
        """The fakes' labels, for measures that ``NEEDS_LABELS``."""
        assert self.fake.labels is not None
        return self.fake.labels


class Outcome(NamedTuple):
    """What one measure found; names without the protocol."""

    values: Mapping[str, float]
    per_class: Mapping[str, list[float]] = {}
    intervals: Mapping[str, tuple[float, float]] = {}  # 95%, over samples
    confusion: Sequence[list[int]] = ()  # counts: row = label asked for, column = class predicted


def _fid(of: Comparison) -> Outcome:
    return Outcome({"fid": fid(of.real.features.features, of.fake.features.features)})


def _kid(of: Comparison) -> Outcome:
    real = of.real.features.features
    within = of.once("mean_kernel", lambda: mean_kernel(real))
    return Outcome({"kid": kid(real, of.fake.features.features, within)})


def _inception_score(of: Comparison) -> Outcome:
    return Outcome({"inception_score": inception_score(of.fake.features.logits)})


def _precision_recall(of: Comparison) -> Outcome:
    real, fake = of.real.features.features, of.fake.features.features
    radii = of.once(f"radii_{NEIGHBOURS}", lambda: ball_radii(real, NEIGHBOURS))
    found = precision_recall_density_coverage(real, fake, NEIGHBOURS, radii)
    intervals = {"precision": share_interval(found.precision, len(of.fake.images))}
    return Outcome(found._asdict(), intervals=intervals)


def _intra_class_fid(of: Comparison) -> Outcome:
    assert of.real.labels is not None
    found = class_fids(
        of.real.features.features, of.real.labels, of.fake.features.features, of.requested,
        of.num_classes,
    )  # fmt: skip
    return _mean_of("intra_class_fid", found)


def _label_accuracy(of: Comparison) -> Outcome:
    predicted = of.fake.features.logits.argmax(1)
    value = label_accuracy(predicted, of.requested)
    counts = confusion_matrix(predicted, of.requested, of.num_classes)
    name = "label_accuracy"
    return Outcome(
        {name: value},
        {name: (counts.diagonal() / counts.sum(1)).tolist()},
        {name: share_interval(value, len(predicted))},
        counts.tolist(),
    )


def _class_histogram(of: Comparison) -> Outcome:
    """Against equal shares of the classes, which is what is asked of a generator."""
    shares = class_shares(of.fake.features.logits.argmax(1), of.num_classes)
    wanted = torch.full_like(shares, 1 / of.num_classes)
    found = {
        "class_kl": class_kl(shares, wanted), "class_tv": class_total_variation(shares, wanted),
    }  # fmt: skip
    held = wanted.double().cpu().numpy()
    distances: dict[str, Distance] = {
        "class_kl": lambda drawn: rel_entr(drawn, held).sum(-1),
        "class_tv": lambda drawn: np.abs(drawn - held).sum(-1) / 2,
    }
    observed, count = shares.double().cpu().numpy(), len(of.fake.images)
    return Outcome(found, intervals={
        name: histogram_interval(observed, held, count, distance)
        for name, distance in distances.items()
    })  # fmt: skip


def _modes(of: Comparison) -> Outcome:
    found = label_modes(stacked_modes(of.fake.features.logits), MODES)
    return Outcome({"modes_covered": found.covered, "reverse_kl_modes": found.reverse_kl})


def _ms_ssim(of: Comparison) -> Outcome:
    found = class_ms_ssim_3scale(
        of.fake.images, of.requested, of.num_classes, PAIRS, stream(0, "pairs for MS-SSIM")
    )
    return _mean_of("ms_ssim_3scale", found)


def _diversity(of: Comparison) -> Outcome:
    found = class_diversities(of.fake.features.features, of.requested, of.num_classes)
    return _mean_of("diversity", found)


def _memorisation(of: Comparison) -> Outcome:
    real, train = of.real.features.features, of.train_features()
    honest = of.once("nearest_training", lambda: nearest(real.double(), train.double()).distances)
    found = memorisation(of.fake.features.features, train, real, honest)
    shares = {"near_training_share": share_interval(found.near_share, len(of.fake.images))}
    values = {"memorisation": found.ratio, "near_training_share": found.near_share}
    return Outcome(values, intervals=shares)


def _duplicates(of: Comparison) -> Outcome:
    fake, real = of.fake.features.features, of.real.features.features
    count = min(len(fake), len(real))
    fake, real = (part[_some(count, len(part)).to(part.device)] for part in (fake, real))
    distances = of.once(
        f"nearest_of_{count}", lambda: nearest(real.double(), real.double(), exclude_self=True)[0]
    )
    found = duplicates(fake, real, distances)
    return Outcome({"duplicates_exact": found.exact, "duplicates_near": found.near})


def _parzen(of: Comparison) -> Outcome:
    validation = of.validation[_some(PARZEN_VALIDATION, len(of.validation))]
    found = parzen(*(_unit(images) for images in (of.fake.images, validation, of.real.images)))
    interval = mean_interval(found.mean, found.standard_error, len(of.real.images))
    name = "parzen_log_likelihood"
    return Outcome({name: found.mean}, intervals={name: interval})


def _gan_train(of: Comparison) -> Outcome:
    assert of.real.labels is not None
    fake, real = Batch(of.fake.images, of.requested), Batch(of.real.images, of.real.labels)
    value = gan_train(fake, real, of.num_classes)
    interval = share_interval(value, len(real.labels))
    return Outcome({"gan_train": value}, intervals={"gan_train": interval})


MEASURES: dict[str, Callable[[Comparison], Outcome]] = {
    "fid": _fid,
    "label_accuracy": _label_accuracy,
    "precision_recall": _precision_recall,
    "kid": _kid,
    "intra_class_fid": _intra_class_fid,
    "inception_score": _inception_score,
    "class_histogram": _class_histogram,
    "modes": _modes,
    "ms_ssim": _ms_ssim,
    "diversity": _diversity,
    "memorisation": _memorisation,
    "duplicates": _duplicates,
    "parzen": _parzen,
    "gan_train": _gan_train,
}
# one trains a classifier; the other takes as long as all others, and says little
ON_REQUEST = {"gan_train", "parzen"}
NEEDS_LABELS = {"label_accuracy", "intra_class_fid", "ms_ssim", "diversity", "gan_train"}
NEEDS_REAL = {"fid": 2, "kid": 2, "duplicates": 2, "parzen": 2, "precision_recall": NEIGHBOURS + 1}
NEEDS_CLASSES = NEEDS_LABELS | {"inception_score", "class_histogram"}


@dataclass
class Judgement:
    """The outcome of several measures."""

    values: dict[str, float] = field(default_factory=dict)
    per_class: dict[str, list[float]] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    confusion: list[list[int]] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)  # measure -> why it has no value


def applicable(shape: torch.Size, num_classes: int, *, labelled: bool = True) -> list[str]:
    """The measures that images of this (C, H, W) and these classes allow.

    ``modes`` is among them: whether it applies depends on the feature network.
    """
    barred: set[str] = set()
    if num_classes < 2:
        barred |= NEEDS_CLASSES
    if not labelled:
        barred |= NEEDS_LABELS
    if min(shape[1:]) < SMALLEST:
        barred.add("ms_ssim")
    if min(shape[1:]) < SMALLEST_IMAGE or shape[1] != shape[2]:
        barred.add("gan_train")  # no image for its classifier
    return [name for name in MEASURES if name not in barred]


def chosen(names: list[str] | None, allowed: list[str], default: list[str]) -> list[str]:
    """The measures to take: those named, or the allowed ones among the default.

    Raises:
        ValueError: a name that is unknown or not allowed here.
    """
    if names is None:
        return [name for name in default if name in allowed]
    for name in names:
        if name not in allowed:
            why = "does not apply to these samples" if name in MEASURES else "is not known"
            raise ValueError(f"the metric {name!r} {why}; allowed here: {', '.join(allowed)}")
    return list(names)


def smallest(names: list[str], num_classes: int) -> int:
    """The fewest balanced samples that all of these measures are defined for."""
    needs = [2]
    if "precision_recall" in names:
        needs.append(NEIGHBOURS + 1)
    if {"intra_class_fid", "ms_ssim", "diversity"} & set(names):
        needs.append(2 * num_classes)
    return max(needs)


def unservable(names: list[str], dataset: Dataset, split: str) -> dict[str, str]:
    """Return those of the measures that a part of the real data cannot serve, with the reason.

    Found from the images and labels alone, so that it is known before any training.

    Args:
        names: measures.
        dataset: of images.
        split: the part that samples will be held against, ``validation`` or ``test``.
    """
    real: Split = getattr(dataset, split)
    count, found = len(real.labels), {}
    for name in names:
        least = NEEDS_REAL.get(name, 1)
        if count < least:
            found[name] = f"the {split} part has {count} images; it needs {least} or more"
    if "intra_class_fid" in names:
        sizes = real.labels.bincount(minlength=dataset.num_classes)
        rare = (sizes < 2).nonzero().flatten().tolist()
        if rare:
            found["intra_class_fid"] = (
                f"the {split} part has {int(sizes[rare[0]])} images of class {rare[0]}; it needs 2"
                " or more of each"
            )
    if "memorisation" in names:
        known = {hash(image.tobytes()) for image in dataset.train.images.cpu().numpy()}
        copies = sum(hash(image.tobytes()) in known for image in real.images.cpu().numpy())
        if 2 * copies >= count:
            found["memorisation"] = (
                f"{copies} of the {count} images of the {split} part are also in the training part;"
                " it needs more images that the generator was not trained on"
            )
    return found


def reason(error: Exception) -> str:
    """Return an exception's type and message on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split()) or 'no message'}"


def judge(comparison: Comparison, names: list[str]) -> Judgement:
    """Take these measures, one after the other.

    Whatever a measure raises costs that measure alone, and is the reason in ``unavailable``: when
    final numbers are taken, all training is spent.
    """
    result = Judgement()
    for name in names:
        try:
            outcome = MEASURES[name](comparison)
        except Exception as error:
            result.unavailable[name] = reason(error)
            continue
        result.values |= outcome.values
        result.per_class |= outcome.per_class
        result.intervals |= outcome.intervals
        result.confusion += outcome.confusion
    return result


def _mean_of(name: str, values: list[float]) -> Outcome:
    return Outcome({name: sum(values) / len(values)}, {name: values})


def _some(count: int, of: int) -> Tensor:
    """Indices of ``count`` random rows, always the same: files are not in random order."""
    return torch.randperm(of, generator=stream(0, "subset"))[:count]


def _unit(images: Tensor) -> Tensor:
    return images.double().flatten(1).add_(1).div_(2)
