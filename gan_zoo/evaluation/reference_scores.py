"""Metrics of real data and of samplers that need no training, to compare a generator's with.

Each sampler gives images in [-1, 1] with balanced labels 0, 1, ..., K - 1, 0, 1, ..., in the order
of a generator's evaluation. Training images are drawn at random, since files are often sorted.

Scores are measured once for each data set, extractor and number of samples: those of MNIST are
shipped (written by ``python -m gan_zoo.evaluation.reference_scores``), others are cached.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from gan_zoo.data.batches import normalise
from gan_zoo.data.dataset import dataset_fingerprint
from gan_zoo.data.mnist import load_mnist
from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.features.extractor import load_extractor
from gan_zoo.evaluation.measurement import Samples, reason
from gan_zoo.evaluation.metrics.parzen import BANDWIDTHS, log_likelihoods
from gan_zoo.evaluation.metrics.registry import METRICS, short_count
from gan_zoo.evaluation.reference import Reference
from gan_zoo.evaluation.toy_points import PointReference
from gan_zoo.runs.cache import cache_path, entry, keep, read_entry
from gan_zoo.types import Batch, Dataset

SHIPPED = Path(__file__).parent / "shipped"
CENTRES = 10_000  # training images to choose the bandwidth with, as in the Parzen procedure
VALIDATION = 1_000  # validation images to choose it by
Values = dict[str, dict[str, dict[str, float]]]  # metric -> quantity -> sampler -> value


class ReferenceScores(NamedTuple):
    """Scores by sampler, and the reasons for those that are missing."""

    values: Mapping[str, dict[str, float]] = {}  # full metric name -> sampler -> value
    unavailable: Mapping[str, str] = {}  # sampler, or a metric of it -> reason


def reference_scores(
    reference: Reference | PointReference, count: int, metrics: list[str]
) -> ReferenceScores:
    """Return the metrics of real images and of samplers without training, for ``count`` samples.

    ``real`` are random training images; for metrics that need unseen images, validation images.
    ``kernel_density`` and ``class_means`` are the weak samplers. Of points whose mixture is known
    there is only ``real``: new points of the mixture.

    If a sampler fails, as for a class without training images, the others are still measured.

    Args:
        reference: data set and feature network, or mixture.
        count: of samples, as in the metric's name.
        metrics: names in the registry.
    """
    if isinstance(reference, PointReference):
        truth = reference.measure(reference.real(count), "test", metrics).values
        return ReferenceScores({
            reference.full_name(name, "test", count): {"real": value}
            for name, value in truth.items()
        })  # fmt: skip
    name = _file_name(reference, count)
    cached = cache_path("reference_scores", name)
    known: Values = {**(read_entry(cached) or {}), **(read_entry(SHIPPED / name) or {})}
    missing = [metric for metric in metrics if metric not in known]
    unavailable: dict[str, str] = {}
    if missing:
        measured, unavailable = _measure(reference, count, missing)
        known |= measured
        keep(cached, entry(known), "reference scores will be measured again in each run")
    found = {
        reference.full_name(quantity, "test", count): values
        for metric in metrics
        for quantity, values in known.get(metric, {}).items()
    }
    return ReferenceScores(found, unavailable)


def _measure(reference: Reference, count: int, metrics: list[str]) -> tuple[Values, dict[str, str]]:
    found: Values = {}
    unavailable: dict[str, str] = {}
    for sampler, draw in _samplers(reference, count).items():
        try:
            samples = reference.embed(*draw())
        except Exception as error:
            unavailable[f"{sampler} samples"] = reason(error)
            continue
        for metric in metrics:
            unseen = sampler == "real" and METRICS[metric].needs_unseen
            of = _unseen(reference) if unseen else samples
            measurement = reference.measure(of, "test", [metric])
            for quantity, value in measurement.values.items():
                found.setdefault(metric, {}).setdefault(quantity, {})[sampler] = value
            for name, why in measurement.unavailable.items():
                unavailable[f"{name} of {sampler} samples"] = why
    return found, unavailable


def _samplers(reference: Reference, count: int) -> dict[str, Callable[[], Batch]]:
    dataset = reference.dataset

    def rng(purpose: str) -> torch.Generator:
        return stream(0, f"floors: {purpose}")

    draws: dict[str, Callable[[], Batch]] = {
        "kernel_density": lambda: kernel_density(dataset, count, rng("kernel density")),
        "class_means": lambda: class_means(dataset, count),
    }
    if count <= real_limit(dataset):
        return {"real": lambda: real(dataset, count, rng("real")), **draws}
    return draws


def _unseen(reference: Reference) -> Samples:
    split = reference.dataset.validation
    return reference.embed(normalise(split.images), split.labels)


def _file_name(reference: Reference, count: int) -> str:
    return f"{reference.extractor.sha256[:16]}-{reference.sha256[:16]}-{short_count(count)}.json"


def real(dataset: Dataset, count: int, rng: torch.Generator) -> Batch:
    """Draw ``count`` different training images, balanced over the classes.

    Args:
        dataset: of images.
        count: at most ``real_limit(dataset)``.
        rng: on the CPU, so that the draw is the same on every device.

    Raises:
        ValueError: If the count is below 1 or above the limit.
    """
    if count > real_limit(dataset):
        raise ValueError(
            f"count must be at most {real_limit(dataset)}, as the rarest class has no more training"
            f" images, got {count}"
        )
    labels = _labels(dataset, count)
    chosen = torch.empty_like(labels)
    for label in range(dataset.num_classes):
        places, members = _of_class(labels, label), _of_class(dataset.train.labels, label)
        order = torch.randperm(len(members), generator=rng).to(members.device)
        chosen[places] = members[order[: len(places)]]
    return Batch(normalise(dataset.train.images[chosen]), labels)


def real_limit(dataset: Dataset) -> int:
    """Return the most balanced samples that ``real`` can draw without repetition."""
    counts = dataset.train.labels.bincount(minlength=dataset.num_classes)
    return int(counts.min()) * dataset.num_classes


def class_means(dataset: Dataset, count: int) -> Batch:
    """Repeat each class's mean training image: blurred and without variety.

    Raises:
        ValueError: If the count is below 1, or a class has no training images.
    """
    labels = _labels(dataset, count)
    means = []
    for label in range(dataset.num_classes):
        members = dataset.train.images[_members(dataset, label)]
        means.append(normalise(members).double().mean(0).float())
    return Batch(torch.stack(means)[labels], labels)


def kernel_density(dataset: Dataset, count: int, rng: torch.Generator) -> Batch:
    """Draw random training images of each class and add Gaussian noise to every pixel.

    x_i + 2 b e with e ~ N(0, I), drawn with replacement and clamped to [-1, 1]: samples of a
    Parzen window estimate, b its bandwidth in units of the range of pixels by ``bandwidth``.

    Args:
        dataset: of images.
        count: of samples.
        rng: of images, noise and the choice of the bandwidth; on the CPU.

    Raises:
        ValueError: If the count is below 1, or a class has no training images.
    """
    labels = _labels(dataset, count)
    spread = 2 * bandwidth(dataset, rng)
    chosen = torch.empty_like(labels)
    for label in range(dataset.num_classes):
        places, members = _of_class(labels, label), _members(dataset, label)
        picks = torch.randint(len(members), (len(places),), generator=rng).to(members.device)
        chosen[places] = members[picks]
    images = normalise(dataset.train.images[chosen])
    noise = torch.randn(images.shape, generator=rng).to(images.device)
    return Batch((images + spread * noise).clamp(-1, 1), labels)


def bandwidth(dataset: Dataset, rng: torch.Generator) -> float:
    """Return the Parzen procedure's bandwidth, for pixels in [0, 1].

    It is the one of ``metrics.parzen.BANDWIDTHS`` that gives 1,000 random validation images the
    highest likelihood under 10,000 random training images (or all, if there are fewer).
    """
    centres = _pixels(dataset.train.images, CENTRES, rng)
    points = _pixels(dataset.validation.images, VALIDATION, rng)
    scores = log_likelihoods(centres, points, BANDWIDTHS).mean(1)
    return BANDWIDTHS[int(scores.argmax())]


def _pixels(images: Tensor, count: int, rng: torch.Generator) -> Tensor:
    order = torch.randperm(len(images), generator=rng).to(images.device)
    return (normalise(images[order[:count]]).flatten(1).double() + 1) / 2


def _labels(dataset: Dataset, count: int) -> Tensor:
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    return torch.arange(count, device=dataset.train.labels.device) % dataset.num_classes


def _of_class(labels: Tensor, label: int) -> Tensor:
    return (labels == label).nonzero().flatten()


def _members(dataset: Dataset, label: int) -> Tensor:
    found = _of_class(dataset.train.labels, label)
    if len(found) == 0:
        raise ValueError(f"class {label} of {dataset.name} has no training images")
    return found


def main() -> None:
    """Measure the scores of MNIST and write them into the package."""
    dataset = load_mnist()
    sha256 = str(dataset_fingerprint(dataset)["sha256"])
    reference = Reference(dataset, load_extractor("mnistcnn"), sha256)
    path = SHIPPED / _file_name(reference, 10000)
    keep(path, entry(_measure(reference, 10000, reference.applicable())[0]), "nothing is written")
    print(path)


if __name__ == "__main__":
    main()
