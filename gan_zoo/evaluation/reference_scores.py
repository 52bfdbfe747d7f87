"""What real data and samplers without training reach: the numbers to read others against.

Computed once for each data set, extractor and number of samples, and kept: for MNIST in the
package (written by ``python -m gan_zoo.evaluation.reference_scores``), else in the cache folder.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch

from gan_zoo.data.batches import normalise
from gan_zoo.data.fingerprint import dataset_fingerprint
from gan_zoo.data.mnist import load_mnist
from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.baselines import class_means, kernel_density, real, real_limit
from gan_zoo.evaluation.features.extractor import load_extractor
from gan_zoo.evaluation.reference import Reference, short
from gan_zoo.evaluation.registry import Samples, reason
from gan_zoo.evaluation.toy_points import PointReference
from gan_zoo.runs.cache import cache_path, entry, keep, read_entry
from gan_zoo.types import Batch

SHIPPED = Path(__file__).parent / "shipped"
# The classifier was fitted to the training images, and a generator is held against them: here
# images that neither has seen stand for real ones.
HELD_OUT = ("label_accuracy", "memorisation")
Values = dict[str, dict[str, dict[str, float]]]  # measure -> quantity -> baseline -> value


class Floors(NamedTuple):
    """What real data and samplers without training reach, and what of it cannot be had."""

    values: Mapping[str, dict[str, float]] = {}  # full metric name -> baseline -> value
    unavailable: Mapping[str, str] = {}  # baseline, or its measure -> why there is no value


def floors(reference: Reference | PointReference, count: int, metrics: list[str]) -> Floors:
    """Return the metrics of real images and of samplers without training, for ``count`` samples.

    ``real`` stands for random training images in place of generated ones (for label accuracy and
    memorisation: validation images), ``kernel_density`` and ``class_means`` for the weak samplers.
    Of points whose mixture is known, ``real`` are fresh ones, and there is nothing else.

    A baseline that cannot be drawn, as of a class without training images, costs itself alone.

    Args:
        reference: data set and feature network, or mixture.
        count: of samples, as in the metric's name.
        metrics: names of ``MEASURES``.
    """
    protocol = reference.protocol("test", count)
    if isinstance(reference, PointReference):
        truth = reference.judge(reference.real(count), "test", metrics).values
        return Floors({f"{name}_{protocol}": {"real": value} for name, value in truth.items()})
    name = _file_name(reference, count)
    cached = cache_path("floors", name)
    known: Values = {**(read_entry(cached) or {}), **(read_entry(SHIPPED / name) or {})}
    missing = [metric for metric in metrics if metric not in known]
    unavailable: dict[str, str] = {}
    if missing:
        measured, unavailable = _measure(reference, count, missing)
        known |= measured
        _keep(cached, known)
    found = {
        f"{quantity}_{protocol}": values
        for metric in metrics
        for quantity, values in known.get(metric, {}).items()
    }
    return Floors(found, unavailable)


def _measure(reference: Reference, count: int, metrics: list[str]) -> tuple[Values, dict[str, str]]:
    found: Values = {}
    unavailable: dict[str, str] = {}
    for baseline, draw in _baselines(reference, count).items():
        try:
            samples = reference.seen(*draw())
        except Exception as error:
            unavailable[f"{baseline} samples"] = reason(error)
            continue
        for metric in metrics:
            stand_in = baseline == "real" and metric in HELD_OUT
            judged = _held_out(reference) if stand_in else samples
            judgement = reference.judge(judged, "test", [metric])
            for quantity, value in judgement.values.items():
                found.setdefault(metric, {}).setdefault(quantity, {})[baseline] = value
            for name, why in judgement.unavailable.items():
                unavailable[f"{name} of {baseline} samples"] = why
    return found, unavailable


def _baselines(reference: Reference, count: int) -> dict[str, Callable[[], Batch]]:
    dataset, device = reference.dataset, reference.dataset.train.images.device

    def rng(purpose: str) -> torch.Generator:
        return stream(0, f"floors: {purpose}", device)

    draws: dict[str, Callable[[], Batch]] = {
        "kernel_density": lambda: kernel_density(dataset, count, rng("kernel density")),
        "class_means": lambda: class_means(dataset, count),
    }
    if count <= real_limit(dataset):
        return {"real": lambda: real(dataset, count, rng("real")), **draws}
    return draws


def _held_out(reference: Reference) -> Samples:
    split = reference.dataset.validation
    return reference.seen(normalise(split.images), split.labels)


def _file_name(reference: Reference, count: int) -> str:
    return f"{reference.extractor.sha256[:16]}-{reference.sha256[:16]}-{short(count)}.json"


def _keep(path: Path | None, values: Mapping[str, object]) -> None:
    keep(path, entry(values), "what real data reach will be measured anew in each run")


def main() -> None:
    """Measure what is shipped for MNIST and write it into the package."""
    dataset = load_mnist()
    sha256 = str(dataset_fingerprint(dataset)["sha256"])
    reference = Reference(dataset, load_extractor("mnistcnn"), sha256)
    metrics = reference.applicable()
    path = SHIPPED / _file_name(reference, 10000)
    _keep(path, _measure(reference, 10000, metrics)[0])
    print(path)


if __name__ == "__main__":
    main()
