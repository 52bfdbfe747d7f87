"""What every metric asks of its input, so that a NaN never wins a comparison."""

import torch
from torch import Tensor


def finite_double(name: str, values: Tensor, *, least: int = 1) -> Tensor:
    """(N, d) ``values`` in float64.

    Args:
        name: what the caller calls them; told in errors.
        values: (N, d), of any real type.
        least: the fewest rows that the metric is defined for.

    Raises:
        ValueError: not a matrix, fewer rows than ``least``, or NaN or infinity among the values.
    """
    if values.ndim != 2:
        raise ValueError(f"{name} has shape {tuple(values.shape)}; allowed: a matrix (N, d)")
    if len(values) < least:
        raise ValueError(f"{name} has {len(values)} rows; allowed: {least} or more")
    bad = int((~values.isfinite()).any(1).sum())
    if bad:
        raise ValueError(f"{name} has NaN or infinity in {bad} of {len(values)} rows")
    return values.detach().to(torch.float64)


def same_width(first: Tensor, second: Tensor, names: tuple[str, str]) -> None:
    """Check that two matrices have equally many columns.

    Raises:
        ValueError: they do not.
    """
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"{names[0]} has {first.shape[1]} columns and {names[1]} {second.shape[1]}; "
            "allowed: equally many, from one extractor"
        )


def matching_labels(name: str, values: Tensor, labels: Tensor) -> None:
    """Check that there is one integer label for each row of ``values``.

    Raises:
        ValueError: another number of labels, or labels that are no integers.
    """
    if labels.shape != (len(values),) or labels.is_floating_point() or labels.is_complex():
        raise ValueError(
            f"labels of {name} have shape {tuple(labels.shape)} and type {labels.dtype}; "
            f"allowed: ({len(values)},) integers, one for each row"
        )
