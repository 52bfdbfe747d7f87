"""Checks of what metrics get, so that NaN never wins a comparison."""

import torch
from torch import Tensor


def finite_double(name: str, values: Tensor, *, least: int = 1) -> Tensor:
    """Return (N, d) ``values`` in float64, detached.

    Args:
        name: of the argument, for errors.
        values: (N, d), of any real type.
        least: the fewest rows that the metric is defined for.

    Raises:
        ValueError: If ``values`` is not a matrix, has fewer rows than ``least``, or holds NaN or
            infinity.
    """
    if values.ndim != 2:
        raise ValueError(f"{name} must be a matrix (N, d), got shape {tuple(values.shape)}")
    if len(values) < least:
        raise ValueError(f"{name} must have at least {least} rows, got {len(values)}")
    bad = int((~values.isfinite()).any(1).sum())
    if bad:
        raise ValueError(f"{name} has NaN or infinity in {bad} of {len(values)} rows")
    return values.detach().to(torch.float64)


def check_same_width(first: Tensor, second: Tensor, names: tuple[str, str]) -> None:
    """Check that two matrices have equally many columns.

    Raises:
        ValueError: If they do not.
    """
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"{names[0]} and {names[1]} must have equally many columns, as of one extractor, got"
            f" {first.shape[1]} and {second.shape[1]}"
        )


def check_labels(name: str, values: Tensor, labels: Tensor) -> None:
    """Check that there is one integer label for each row of ``values``.

    Raises:
        ValueError: If there is another number of labels, or they are not integers.
    """
    if labels.shape != (len(values),) or labels.is_floating_point() or labels.is_complex():
        raise ValueError(
            f"labels of {name} must be ({len(values)},) integers, one for each row, got shape"
            f" {tuple(labels.shape)} of {labels.dtype}"
        )


def members_of(name: str, values: Tensor, labels: Tensor, label: int) -> Tensor:
    """Return the values of one class.

    Raises:
        ValueError: If there are fewer than two.
    """
    members = values[labels == label]
    if len(members) < 2:
        raise ValueError(
            f"{name} must have at least 2 samples of class {label}, got {len(members)}"
        )
    return members
