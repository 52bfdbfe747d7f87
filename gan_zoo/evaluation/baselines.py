"""Samplers that need no training: what a GAN must beat, and what it cannot hope to beat.

Each gives images in [-1, 1] with balanced labels 0, 1, ..., K - 1, 0, 1, ..., in the order of a
generator's evaluation, so that its numbers stand beside a generator's. What is drawn comes from the
training part at random, never from the beginning of a file, whose samples are no fair part of it.
"""

import torch
from torch import Tensor

from gan_zoo.data.batches import normalise
from gan_zoo.evaluation.metrics.parzen import BANDWIDTHS, log_likelihoods
from gan_zoo.types import Batch, Dataset

CENTRES = 10_000  # training images behind the choice of the bandwidth, as in the Parzen procedure
JUDGES = 1_000  # validation images that choose it


def real(dataset: Dataset, count: int, rng: torch.Generator) -> Batch:
    """``count`` different training images, as many of each class: the ceiling.

    Args:
        dataset: of images.
        count: at most ``real_limit(dataset)``.
        rng: draws them; on the data set's device.

    Raises:
        ValueError: a count below 1, or a class that has not enough images.
    """
    if count > real_limit(dataset):
        raise ValueError(
            f"count is {count}; allowed: up to {real_limit(dataset)}, "
            "as the rarest class has no more training images"
        )
    labels = _labels(dataset, count)
    chosen = torch.empty_like(labels)
    for label in range(dataset.num_classes):
        places, members = _of_class(labels, label), _of_class(dataset.train.labels, label)
        order = torch.randperm(len(members), generator=rng, device=rng.device)
        chosen[places] = members[order[: len(places)]]
    return Batch(normalise(dataset.train.images[chosen]), labels)


def real_limit(dataset: Dataset) -> int:
    """The most balanced samples that ``real`` can draw without drawing one twice."""
    counts = dataset.train.labels.bincount(minlength=dataset.num_classes)
    return int(counts.min()) * dataset.num_classes


def class_means(dataset: Dataset, count: int) -> Batch:
    """Each class's mean training image, over and over: no variety, and blurred.

    Raises:
        ValueError: a count below 1, or a class without training images.
    """
    labels = _labels(dataset, count)
    means = []
    for label in range(dataset.num_classes):
        members = dataset.train.images[_members(dataset, label)]
        means.append(normalise(members).double().mean(0).float())
    return Batch(torch.stack(means)[labels], labels)


def kernel_density(dataset: Dataset, count: int, rng: torch.Generator) -> Batch:
    """Random training images of the wanted classes with Gaussian noise on every pixel.

    x_i + 2 b e with e ~ N(0, I), drawn with replacement and cut off at -1 and 1: samples of a
    Parzen window estimate, b its bandwidth in units of the range of pixels by ``bandwidth``.

    Args:
        dataset: of images.
        count: of samples.
        rng: draws images, noise and what chooses the bandwidth; on the data set's device.

    Raises:
        ValueError: a count below 1, or a class without training images.
    """
    labels = _labels(dataset, count)
    spread = 2 * bandwidth(dataset, rng)
    chosen = torch.empty_like(labels)
    for label in range(dataset.num_classes):
        places, members = _of_class(labels, label), _members(dataset, label)
        picks = torch.randint(len(members), (len(places),), generator=rng, device=rng.device)
        chosen[places] = members[picks]
    images = normalise(dataset.train.images[chosen])
    noise = torch.randn(images.shape, generator=rng, device=rng.device)
    return Batch((images + spread * noise).clamp(-1, 1), labels)


def bandwidth(dataset: Dataset, rng: torch.Generator) -> float:
    """The Parzen procedure's bandwidth, for pixels in [0, 1].

    The one of ``metrics.parzen.BANDWIDTHS`` that gives 1,000 random validation images the highest
    likelihood under 10,000 random training images (or all, if there are fewer).
    """
    centres = _pixels(dataset.train.images, CENTRES, rng)
    judges = _pixels(dataset.validation.images, JUDGES, rng)
    scores = log_likelihoods(centres, judges, BANDWIDTHS).mean(1)
    return BANDWIDTHS[int(scores.argmax())]


def _pixels(images: Tensor, count: int, rng: torch.Generator) -> Tensor:
    order = torch.randperm(len(images), generator=rng, device=rng.device)
    return (normalise(images[order[:count]]).flatten(1).double() + 1) / 2


def _labels(dataset: Dataset, count: int) -> Tensor:
    if count < 1:
        raise ValueError(f"count is {count}; allowed: 1 or more")
    return torch.arange(count, device=dataset.train.labels.device) % dataset.num_classes


def _of_class(labels: Tensor, label: int) -> Tensor:
    return (labels == label).nonzero().flatten()


def _members(dataset: Dataset, label: int) -> Tensor:
    found = _of_class(dataset.train.labels, label)
    if len(found) == 0:
        raise ValueError(f"class {label} of {dataset.name} has no training images")
    return found
