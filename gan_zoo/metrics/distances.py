"""Distances between the rows of large matrices, in blocks that fit into memory."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

# entries of a matrix at a time: 8 MB stay in the process, where larger blocks go back to the
# system each time and return as page faults
BLOCK = 1_000_000


class Neighbours(NamedTuple):
    """The nearest row of a reference set for each of N queries."""

    distances: Tensor  # (N,) float64, Euclidean, exact
    indices: Tensor  # (N,) int64, into the reference set


def row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices that cover ``range(rows)`` in order: at most ``BLOCK`` entries or one row each."""
    size = max(1, BLOCK // columns)
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def exact_distances(rows: Tensor, columns: Tensor) -> Tensor:
    """(n, m) Euclidean distances, each as the root of its own sum of squared differences.

    The faster |x|^2 + |y|^2 - 2 x . y loses half of the digits where two rows nearly agree, and
    with them the exact 0 between copies.
    """
    return torch.cdist(rows, columns, compute_mode="donot_use_mm_for_euclid_dist")


def nearest(queries: Tensor, references: Tensor, *, exclude_self: bool = False) -> Neighbours:
    """For each query the nearest reference, found fast and then measured exactly.

    Args:
        queries: (N, d) float64.
        references: (M, d) float64.
        exclude_self: the two are one set, and no row is its own neighbour.

    The search uses |y|^2 - 2 x . y after centring; a competitor that is nearer by less than its
    rounding, about 1e-15 of the squared norms, may be overlooked.
    """
    centre = references.mean(0)
    shifted = references - centre
    offsets = shifted.square().sum(1)
    found = []
    for block in row_blocks(len(queries), len(references)):
        rows = queries[block] - centre
        scores = torch.addmm(offsets, rows, shifted.T, alpha=-2)
        if exclude_self:
            own = torch.arange(block.start, block.stop, device=scores.device)
            scores[own - block.start, own] = torch.inf
        found.append(scores.argmin(1))
    indices = torch.cat(found)
    return Neighbours((queries - references[indices]).square().sum(1).sqrt(), indices)
