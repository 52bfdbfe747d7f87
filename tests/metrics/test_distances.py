import pytest
import torch

from gan_zoo.metrics import distances
from gan_zoo.metrics.distances import exact_distances, nearest, row_blocks


def normal(count, dim, seed, shift=0.0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=rng, dtype=torch.float64) + shift


def test_row_blocks_cover_every_row_once(monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 30)
    covered = [i for block in row_blocks(11, 7) for i in range(block.start, block.stop)]
    assert covered == list(range(11))
    assert [b.stop - b.start for b in row_blocks(11, 7)] == [4, 4, 3]
    assert [b.stop - b.start for b in row_blocks(8, 7)] == [4, 4]
    assert [b.stop - b.start for b in row_blocks(3, 31)] == [1, 1, 1]


def test_distances_of_copies_are_exactly_zero_far_from_the_origin():
    rows = normal(50, 30, 0, shift=1e4)
    assert (exact_distances(rows, rows).diagonal() == 0).all()


@pytest.mark.parametrize("exclude_self", [False, True])
def test_nearest_agrees_with_a_search_of_all_pairs(monkeypatch, exclude_self):
    monkeypatch.setattr(distances, "BLOCK", 280)
    references = normal(40, 5, 1, shift=20.0)
    queries = references if exclude_self else normal(33, 5, 2, shift=20.0)
    table = (queries[:, None] - references).square().sum(2).sqrt()
    if exclude_self:
        table.fill_diagonal_(float("inf"))
    found = nearest(queries, references, exclude_self=exclude_self)
    expected = table.min(1)
    torch.testing.assert_close(found.indices, expected.indices)
    torch.testing.assert_close(found.distances, expected.values)


def test_nearest_of_copies_is_exactly_zero():
    references = normal(40, 30, 3, shift=1e4)
    found = nearest(references[5:25].clone(), references)
    assert found.indices.tolist() == list(range(5, 25))
    assert (found.distances == 0).all()
