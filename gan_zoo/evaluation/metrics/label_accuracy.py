"""Share of samples that a classifier assigns to the requested class."""

import torch
from torch import Tensor

from gan_zoo.evaluation.measurement import Comparison, Outcome
from gan_zoo.evaluation.metrics.checks import check_labels
from gan_zoo.evaluation.metrics.intervals import share_interval
from gan_zoo.evaluation.metrics.registry import Metric, share

METRIC = Metric(
    place=1,
    cheap=True,
    needs_labels=True,
    needs_unseen=True,
    quantities={
        "label_accuracy": share(
            "Label accuracy",
            1,
            "Share of generated images that an independent classifier assigns to the label they "
            "were generated for. Sees recognisability, not diversity.",
        )
    },
)


def measure(comparison: Comparison) -> Outcome:
    """Compare predicted with requested classes, in all and class by class."""
    predicted, requested = comparison.fake.features.logits.argmax(1), comparison.requested
    value = label_accuracy(predicted, requested)
    counts = confusion_matrix(predicted, requested, comparison.num_classes)
    name = "label_accuracy"
    return Outcome(
        {name: value},
        {name: (counts.diagonal() / counts.sum(1)).tolist()},
        {name: share_interval(value, len(predicted))},
        counts.tolist(),
    )


def label_accuracy(predicted: Tensor, requested: Tensor) -> float:
    """Return the share of samples that an independent classifier assigns to the requested class.

    Args:
        predicted: (N,) int64, the classifier's most likely classes.
        requested: (N,) int64, the labels that the generator was given.

    Returns:
        A share in [0, 1]. Real data reach the classifier's own accuracy, chance is 1 / K.

    Raises:
        ValueError: If there are no samples, or shapes or types do not match.
    """
    _check(predicted, requested)
    return float((predicted == requested).double().mean())


def confusion_matrix(predicted: Tensor, requested: Tensor, num_classes: int) -> Tensor:
    """Count samples by requested class (row) and predicted class (column).

    Args:
        predicted, requested: as for ``label_accuracy``, all in [0, num_classes).
        num_classes: K.

    Returns:
        (K, K) int64.

    Raises:
        ValueError: As for ``label_accuracy``, or if a label is out of range.
    """
    _check(predicted, requested)
    for name, labels in (("predicted", predicted), ("requested", requested)):
        if int(labels.min()) < 0 or int(labels.max()) >= num_classes:
            raise ValueError(
                f"{name} labels must be from 0 to {num_classes - 1}, got {int(labels.min())} to"
                f" {int(labels.max())}"
            )
    pairs = requested.long() * num_classes + predicted.long()
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def _check(predicted: Tensor, requested: Tensor) -> None:
    if predicted.ndim != 1 or len(predicted) == 0:
        raise ValueError(
            f"predicted must have shape (N,) with N at least 1, got {tuple(predicted.shape)}"
        )
    check_labels("predicted", predicted, predicted)
    check_labels("predicted", predicted, requested)
