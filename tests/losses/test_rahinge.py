"""Relativistic averages with the hinge."""

import torch

from gan_zoo.losses.rahinge import RaHinge

REAL = torch.tensor([0.0, 2.0, -1.0, 5.0, -4.0])
FAKE = torch.tensor([1.0, -3.0, 0.5, 0.0, 9.0])


def test_values_by_hand():
    """mean real 0.4, mean fake 1.5.

    D: reals miss 2.5 by 2.5, 0.5, 3.5, 0, 6.5; fakes exceed -0.6 by 1.6, 0, 1.1, 0.6, 9.6.
    G: fakes miss 1.4 by 0.4, 4.4, 0.9, 1.4, 0; reals exceed 0.5 by 0, 1.5, 0, 4.5, 0.
    """
    torch.testing.assert_close(
        RaHinge().discriminator(REAL, FAKE), torch.tensor((13.0 + 12.9) / 10)
    )
    torch.testing.assert_close(RaHinge().generator(FAKE, REAL), torch.tensor((7.1 + 6.0) / 10))


def test_undecided_and_satisfied_values():
    twos, zeros = 2 * torch.ones(5), torch.zeros(5)
    assert RaHinge().discriminator(zeros, zeros).item() == 1
    assert RaHinge().generator(zeros, zeros).item() == 1
    assert RaHinge().discriminator(twos, zeros).item() == 0
    assert RaHinge().discriminator(zeros, twos).item() == 3
