"""Does a conditional generator make what it is asked for?"""

import torch
from torch import Tensor

from gan_zoo.evaluation.metrics.checks import matching_labels


def label_accuracy(predicted: Tensor, requested: Tensor) -> float:
    """The share of samples that an independent classifier takes for the class they were asked as.

    Args:
        predicted: (N,) int64, the classifier's most likely classes.
        requested: (N,) int64, the labels that the generator was given.

    Returns:
        A share in [0, 1]. Real data reach the classifier's own accuracy, chance is 1 / K.

    Raises:
        ValueError: no samples, or shapes or types that do not match.
    """
    _check(predicted, requested)
    return float((predicted == requested).double().mean())


def confusion_matrix(predicted: Tensor, requested: Tensor, num_classes: int) -> Tensor:
    """Counts of samples by requested class (row) and predicted class (column).

    Args:
        predicted, requested: as for ``label_accuracy``, all in [0, num_classes).

    Returns:
        (K, K) int64.

    Raises:
        ValueError: as for ``label_accuracy``, or a label out of range.
    """
    _check(predicted, requested)
    for name, labels in (("predicted", predicted), ("requested", requested)):
        if int(labels.min()) < 0 or int(labels.max()) >= num_classes:
            raise ValueError(
                f"{name} has labels from {int(labels.min())} to {int(labels.max())}; "
                f"allowed: 0 to {num_classes - 1}"
            )
    pairs = requested.long() * num_classes + predicted.long()
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def _check(predicted: Tensor, requested: Tensor) -> None:
    if predicted.ndim != 1 or len(predicted) == 0:
        raise ValueError(
            f"predicted has shape {tuple(predicted.shape)}; allowed: (N,) with N at least 1"
        )
    matching_labels("predicted", predicted, predicted)
    matching_labels("predicted", predicted, requested)
