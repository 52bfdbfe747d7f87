import pytest
import torch

from gan_zoo.evaluation.metrics import distances
from gan_zoo.evaluation.metrics.distances import (
    Screen,
    exact_distances,
    nearest,
    pair_distances,
    row_blocks,
)


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


def clusters(count, seed):
    """Two clumps far apart, each finer than float32 resolves at that distance, with copies."""
    rows = 1e-4 * normal(count, 6, seed)
    rows[::2, 0] += 1e3
    rows[1::7] = rows[1]
    return rows


def test_pairs_have_the_bits_of_the_whole_matrix():
    rows, columns = normal(40, 37, 4), normal(30, 37, 5)
    first, second = torch.randint(40, (90,)), torch.randint(30, (90,))
    whole = exact_distances(rows, columns)
    assert torch.equal(pair_distances(rows[first], columns[second]), whole[first, second])


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize(
    "sets",
    [
        (normal(50, 6, 6), normal(60, 6, 7)),
        (normal(50, 700, 8, shift=1e3), normal(60, 700, 9, shift=1e3)),
        (clusters(50, 10), clusters(60, 11)),
        (normal(50, 6, 12), torch.zeros(60, 6, dtype=torch.float64)),
        (torch.ones(5, 6, dtype=torch.float64), torch.ones(6, 6, dtype=torch.float64)),
    ],
)
def test_the_screen_is_wrong_by_at_most_its_slack(sets, scale):
    rows, columns = (scale * part for part in sets)
    screen = Screen(rows, columns)
    truth = (exact_distances(rows, columns) / screen.scale).square()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        gaps = screen.block(slice(None))
    assert gaps.dtype == torch.float32
    assert ((gaps.double() - truth).abs() <= screen.slack[:, None]).all()


@pytest.mark.parametrize("exclude_self", [False, True])
@pytest.mark.parametrize("block", [100, 280, 1_000_000])
def test_nearest_is_exact_where_float32_is_not(monkeypatch, exclude_self, block):
    monkeypatch.setattr(distances, "BLOCK", block)
    references = clusters(41, 13)
    queries = references if exclude_self else clusters(33, 14)
    table = exact_distances(queries, references)
    if exclude_self:
        table.fill_diagonal_(float("inf"))
    found = nearest(queries, references, exclude_self=exclude_self)
    assert torch.equal(found.distances, table.amin(1))
    rows = torch.arange(len(queries))
    assert torch.equal(table[rows, found.indices], found.distances)


def test_nearest_among_copies_of_one_row():
    references = torch.full((300, 5), 2.0, dtype=torch.float64)
    queries = normal(20, 5, 15)
    found = nearest(queries, references)
    torch.testing.assert_close(found.distances, (queries - 2).norm(dim=1))
    assert (nearest(references, references, exclude_self=True).distances == 0).all()
