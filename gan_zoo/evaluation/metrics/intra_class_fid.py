"""FID within each class: conditioning, fidelity and diversity of every class by itself."""

from torch import Tensor

from gan_zoo.evaluation.measurement import Comparison, Outcome, mean_outcome
from gan_zoo.evaluation.metrics.checks import check_labels, members_of
from gan_zoo.evaluation.metrics.fid import fid
from gan_zoo.evaluation.metrics.registry import SQUARED_DISTANCE, Description, Metric
from gan_zoo.types import Dataset, Split

METRIC = Metric(
    place=4,
    needs_labels=True,
    min_per_class=2,
    quantities={
        "intra_class_fid": Description(
            "Intra-class FID",
            -1,
            "Fréchet distance within each class, averaged over classes: fidelity and diversity "
            "given the label.",
            low=0.0,
            unit=SQUARED_DISTANCE,
        )
    },
)


def measure(comparison: Comparison) -> Outcome:
    """Average ``class_fids``."""
    real = comparison.real
    assert real.labels is not None
    found = class_fids(
        real.features.features, real.labels, comparison.fake.features.features,
        comparison.requested, comparison.num_classes,
    )  # fmt: skip
    return mean_outcome("intra_class_fid", found)


def unavailable(dataset: Dataset, split: str) -> str | None:
    """Return why a split has too few images of a class; None if every class has two."""
    real: Split = getattr(dataset, split)
    sizes = real.labels.bincount(minlength=dataset.num_classes).tolist()
    for label, size in enumerate(sizes):
        if size < 2:
            return f"the {split} part has {size} images of class {label}, and it needs at least 2"
    return None


def class_fids(
    real: Tensor, real_labels: Tensor, fake: Tensor, fake_labels: Tensor, num_classes: int
) -> list[float]:
    """Return the ``fid`` of each class's real features and its generated ones.

    Args:
        real, fake: (N, d) and (M, d) features of one extractor.
        real_labels: (N,) int64.
        fake_labels: (M,) int64, as requested from the generator.
        num_classes: K; every class needs at least two samples of each kind.

    Returns:
        K floats. FID's small-sample bias is that of the classes' sizes: compare with real data.

    Raises:
        ValueError: If labels do not match, a class has fewer than two samples of a kind, or
            ``fid`` raises it.

    Source: Miyato and Koyama 2018 (arXiv 1802.05637), section 5 (intra FID, the mean over classes).
    """
    check_labels("real", real, real_labels)
    check_labels("fake", fake, fake_labels)
    distances = []
    for label in range(num_classes):
        of_real = members_of("real", real, real_labels, label)
        distances.append(fid(of_real, members_of("fake", fake, fake_labels, label)))
    return distances
