"""The hinge loss: margins, its tie to the total variation."""

import numpy as np
import pytest
import torch

from gan_zoo.losses.hinge import Hinge


def test_values_by_hand():
    """Reals 0.5, 1, 3, -2, 0 miss 1 by 0.5, 0, 0, 3, 1; fakes exceed -1 by 1, 0, 0, 1.5, 3."""
    real = torch.tensor([0.5, 1.0, 3.0, -2.0, 0.0])
    fake = torch.tensor([0.0, -1.0, -4.0, 0.5, 2.0])
    torch.testing.assert_close(Hinge().discriminator(real, fake), torch.tensor(4.5 / 5 + 5.5 / 5))
    torch.testing.assert_close(Hinge().generator(fake), torch.tensor(2.5 / 5))


def test_undecided_values():
    zeros = torch.zeros(5)
    assert Hinge().discriminator(zeros, zeros).item() == 2
    assert Hinge().generator(zeros).item() == 0


def test_smallest_loss_is_two_minus_twice_the_total_variation(pair):
    p, q = pair.p / pair.p.sum(), pair.q / pair.q.sum()
    optimal = np.where(p >= q, 1.0, -1.0)
    best = Hinge().discriminator(*pair.samples(optimal)).item()
    assert best == pytest.approx(2 - np.abs(p - q).sum(), rel=1e-12)
    rng = np.random.default_rng(3)
    for size in np.geomspace(1e-3, 10, 20):
        moved = pair.samples(optimal + size * rng.standard_normal(len(p)))
        assert Hinge().discriminator(*moved).item() >= best - 1e-12
