"""What real data and samplers without training reach: the numbers to read others against.

Computed once for each data set, extractor and number of samples, and kept: for MNIST in the
package (written by ``python -m gan_zoo.evaluation.floors``), else in the cache folder.
"""

from collections.abc import Mapping
from pathlib import Path

import torch

from gan_zoo.baselines import class_means, kernel_density, real, real_limit
from gan_zoo.cache import cache_folder, entry, keep, read_entry
from gan_zoo.data.batches import normalise
from gan_zoo.data.fingerprint import dataset_fingerprint
from gan_zoo.data.mnist import load_mnist
from gan_zoo.evaluation.measures import Samples
from gan_zoo.evaluation.points import PointReference
from gan_zoo.evaluation.reference import Reference, short
from gan_zoo.features.extractor import load_extractor
from gan_zoo.interfaces import Batch
from gan_zoo.seeding import stream

SHIPPED = Path(__file__).parent / "shipped"
# The classifier was fitted to the training images, and a generator is held against them: here
# images that neither has seen stand for real ones.
HELD_OUT = ("label_accuracy", "memorisation")
Values = dict[str, dict[str, dict[str, float]]]  # measure -> quantity -> baseline -> value


def floors(
    reference: Reference | PointReference, count: int, metrics: list[str]
) -> dict[str, dict[str, float]]:
    """What real images and the baselines of ``gan_zoo.baselines`` reach with ``count`` samples.

    ``real`` stands for random training images in place of generated ones (for label accuracy and
    memorisation: validation images), ``kernel_density`` and ``class_means`` for the weak samplers.
    Of points whose mixture is known, ``real`` are fresh ones, and there is nothing else.

    Args:
        reference: data set and feature network, or mixture.
        count: of samples, as in the metric's name.
        metrics: names of ``MEASURES``.

    Returns:
        Full metric name -> baseline -> value.
    """
    protocol = reference.protocol("test", count)
    if isinstance(reference, PointReference):
        values = reference.judge(reference.real(count), "test", metrics).values
        return {f"{quantity}_{protocol}": {"real": value} for quantity, value in values.items()}
    name = _file_name(reference, count)
    cached = cache_folder() / "floors" / name
    known: Values = {**(read_entry(cached) or {}), **(read_entry(SHIPPED / name) or {})}
    missing = [metric for metric in metrics if metric not in known]
    if missing:
        known |= _measure(reference, count, missing)
        _keep(cached, known)
    return {
        f"{quantity}_{protocol}": values
        for metric in metrics
        for quantity, values in known[metric].items()
    }


def _measure(reference: Reference, count: int, metrics: list[str]) -> Values:
    found: Values = {}
    for baseline, batch in _baselines(reference, count).items():
        samples = reference.seen(*batch)
        for metric in metrics:
            stand_in = baseline == "real" and metric in HELD_OUT
            judged = _held_out(reference) if stand_in else samples
            for quantity, value in reference.judge(judged, "test", [metric]).values.items():
                found.setdefault(metric, {}).setdefault(quantity, {})[baseline] = value
    return found


def _baselines(reference: Reference, count: int) -> dict[str, Batch]:
    dataset, device = reference.dataset, reference.dataset.train.images.device

    def rng(purpose: str) -> torch.Generator:
        return stream(0, f"floors: {purpose}", device)

    batches = {
        "kernel_density": kernel_density(dataset, count, rng("kernel density")),
        "class_means": class_means(dataset, count),
    }
    if count <= real_limit(dataset):
        return {"real": real(dataset, count, rng("real")), **batches}
    return batches


def _held_out(reference: Reference) -> Samples:
    split = reference.dataset.validation
    return reference.seen(normalise(split.images), split.labels)


def _file_name(reference: Reference, count: int) -> str:
    return f"{reference.extractor.sha256[:16]}-{reference.sha256[:16]}-{short(count)}.json"


def _keep(path: Path, values: Mapping[str, object]) -> None:
    keep(path, entry(values), "what real data reach will be measured anew in each run")


def main() -> None:
    """Measure what is shipped for MNIST and write it into the package."""
    dataset = load_mnist()
    sha256 = str(dataset_fingerprint(dataset)["sha256"])
    reference = Reference(dataset, load_extractor("mnistcnn"), sha256)
    metrics = reference.applicable()
    path = SHIPPED / _file_name(reference, 10000)
    _keep(path, _measure(reference, 10000, metrics))
    print(path)


if __name__ == "__main__":
    main()
