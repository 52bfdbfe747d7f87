"""Relativistic averages with least squares."""

import torch

from gan_zoo.losses.ralsgan import RaLsGan

REAL = torch.tensor([0.0, 2.0, -1.0, 5.0, -4.0], dtype=torch.float64)
FAKE = torch.tensor([1.0, -3.0, 0.5, 0.0, 9.0], dtype=torch.float64)


def test_values_by_hand():
    """mean real 0.4, mean fake 1.5; each distance to +1 (D: reals) and -1 (D: fakes)."""
    discriminator = (((REAL - 2.5) ** 2).mean() + ((FAKE + 0.6) ** 2).mean()) / 2
    generator = (((FAKE - 1.4) ** 2).mean() + ((REAL - 0.5) ** 2).mean()) / 2
    torch.testing.assert_close(RaLsGan().discriminator(REAL, FAKE), discriminator)
    torch.testing.assert_close(RaLsGan().generator(FAKE, REAL), generator)


def test_undecided_and_satisfied_values():
    ones, zeros = torch.ones(5), torch.zeros(5)
    assert RaLsGan().discriminator(zeros, zeros).item() == 1
    assert RaLsGan().generator(zeros, zeros).item() == 1
    assert RaLsGan().discriminator(ones, zeros).item() == 0
    assert RaLsGan().generator(ones, zeros).item() == 0
    assert RaLsGan().discriminator(zeros, ones).item() == 4


def test_gradients_flow_through_the_means():
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    gradients = torch.autograd.grad(RaLsGan().discriminator(real, fake), (real, fake))
    torch.testing.assert_close(gradients[0].sum(), -gradients[1].sum())
