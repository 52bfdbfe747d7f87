"""Distances between the rows of large matrices, in blocks that fit into memory."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from gan_zoo.data.devices import float32_products

# entries of a matrix at a time: 8 MB stay in the process, while larger blocks are returned to the
# system and cost page faults
BLOCK = 1_000_000
CROWD = 8  # candidates per row above which a whole block is measured instead of single pairs
EVERYTHING = slice(None)


class Neighbours(NamedTuple):
    """The nearest row of a reference set for each of N queries."""

    distances: Tensor  # (N,) float64, Euclidean, exact
    indices: Tensor  # (N,) int64, into the reference set


def row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Yield slices that cover ``range(rows)`` in order, of at most ``BLOCK`` entries or one row."""
    size = max(1, BLOCK // columns)
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def exact_distances(rows: Tensor, columns: Tensor) -> Tensor:
    """Return (n, m) Euclidean distances, each the root of its own sum of squared differences.

    The faster |x|^2 + |y|^2 - 2 x . y loses half of the digits where two rows nearly agree, and the
    exact 0 between copies. Batch dimensions as in ``torch.cdist``; a pair's distance has the same
    bits in every batch.
    """
    return torch.cdist(rows, columns, compute_mode="donot_use_mm_for_euclid_dist")


def pair_distances(first: Tensor, second: Tensor) -> Tensor:
    """Return (P,) distances of row i to row i, bit for bit as in ``exact_distances``."""
    return exact_distances(first[:, None], second[:, None]).flatten()


class Screen:
    """All squared distances in float32 with a bound on their error, to select candidates by.

    |x - y|^2 = (-2 x, 1, |x|^2) . (y, |y|^2, 1) is one matrix product. The columns' mean is
    subtracted from both sets first, and all is divided by the largest norm, ``scale``. With
    u = 2^-24, rounding the entries and summing d + 2 products has an error of at most
    (d + 5) u (|x| + |y|)^2.

    Args:
        rows: (N, d) float64.
        columns: (M, d) float64.
    """

    def __init__(self, rows: Tensor, columns: Tensor) -> None:
        centre = columns.mean(0)
        left, right = rows - centre, columns - centre
        largest = max(float(left.norm(dim=1).max()), float(right.norm(dim=1).max()))
        self.scale = largest if largest > 0 else 1.0
        left, right = left / self.scale, right / self.scale
        across, down = left.square().sum(1), right.square().sum(1)
        self._left = torch.cat([-2 * left, _ones(left), across[:, None]], 1).float()
        self._right = torch.cat([right, down[:, None], _ones(right)], 1).float()
        reach = (across.sqrt() + down.max().sqrt()).square()
        # 8 instead of 5: rounding of the other side; 1e-30: numbers below float32's range
        self.slack = ((rows.shape[1] + 8) * 2.0**-24 * reach + 1e-30).float()

    def block(self, rows: slice, columns: slice = EVERYTHING) -> Tensor:
        """Return (n, m) float32 squared distances over ``scale``^2, with errors up to ``slack``."""
        # a caller's autocast would leave eight bits, TF32 eleven: the bound needs 24
        device = self._left.device.type
        with torch.autocast(device, enabled=False), float32_products("ieee", cpu=True):
            return self._left[rows] @ self._right[columns].T

    def scaled(self, distances: Tensor) -> Tensor:
        """Convert exact distances to the units of ``block``, in float32."""
        return (distances / self.scale).square().float()


def nearest(queries: Tensor, references: Tensor, *, exclude_self: bool = False) -> Neighbours:
    """Return the nearest reference of each query: screened in float32, then measured exactly.

    Args:
        queries: (N, d) float64.
        references: (M, d) float64.
        exclude_self: whether the two are one set, in which no row is its own neighbour.
    """
    screen = Screen(queries, references)
    best = queries.new_full((len(queries),), torch.inf)
    indices = torch.zeros(len(queries), dtype=torch.int64, device=queries.device)
    side = math.isqrt(BLOCK)  # squares: a matrix product of few rows is slow
    for rows in row_blocks(len(queries), side):
        for columns in row_blocks(len(references), side):
            gaps = screen.block(rows, columns)
            if exclude_self:
                _hide_diagonal(gaps, rows.start, columns.start)
            least, slack = gaps.amin(1), screen.slack[rows]
            # some reference is as near as this: the best so far, or the one that seems least here
            limit = torch.minimum(screen.scaled(best[rows]), least + slack) + slack
            chosen = ((least <= limit) & least.isfinite()).nonzero().flatten()
            near = gaps[chosen] <= limit[chosen, None]
            found = _least(queries[rows][chosen], references[columns], near)
            chosen += rows.start
            better = found.distances < best[chosen]
            best[chosen[better]] = found.distances[better]
            indices[chosen[better]] = found.indices[better] + columns.start
    return Neighbours(best, indices)


def _least(queries: Tensor, references: Tensor, near: Tensor) -> Neighbours:
    """Return the nearest of the references that ``near`` (n, m) marks, at least one per query."""
    first, second = near.nonzero(as_tuple=True)
    if len(first) > CROWD * len(queries):
        distances = exact_distances(queries, references).masked_fill_(~near, torch.inf)
        return Neighbours(*distances.min(1))
    distances = pair_distances(queries[first], references[second])
    best = queries.new_full((len(queries),), torch.inf)
    best.scatter_reduce_(0, first, distances, "amin")
    winner = distances == best[first]
    indices = first.new_full((len(queries),), len(references))
    return Neighbours(best, indices.scatter_reduce_(0, first[winner], second[winner], "amin"))


def _hide_diagonal(gaps: Tensor, first_row: int, first_column: int) -> None:
    """Set entries whose row and column are one to infinity."""
    diagonal = gaps.diagonal(first_row - first_column)
    diagonal.fill_(torch.inf)


def _ones(matrix: Tensor) -> Tensor:
    return matrix.new_ones((len(matrix), 1))
