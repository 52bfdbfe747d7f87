"""Relativistic averages with cross-entropy."""

import math

import pytest
import torch

from gan_zoo.losses.rasgan import RaSGan

REAL = torch.tensor([0.0, 2.0, -1.0, 5.0, -4.0], dtype=torch.float64)
FAKE = torch.tensor([1.0, -3.0, 0.5, 0.0, 8.0], dtype=torch.float64)


def test_is_cross_entropy_of_distances_from_the_other_mean():
    """mean real is 0.4, mean fake 1.3."""
    d_real, d_fake = torch.sigmoid(REAL - 1.3), torch.sigmoid(FAKE - 0.4)
    discriminator = -(d_real.log().mean() + (1 - d_fake).log().mean()) / 2
    generator = -(d_fake.log().mean() + (1 - d_real).log().mean()) / 2
    torch.testing.assert_close(RaSGan().discriminator(REAL, FAKE), discriminator)
    torch.testing.assert_close(RaSGan().generator(FAKE, REAL), generator)


def test_undecided_values():
    zeros = torch.zeros(5, dtype=torch.float64)
    assert RaSGan().discriminator(zeros, zeros).item() == pytest.approx(math.log(2))
    assert RaSGan().generator(zeros, zeros).item() == pytest.approx(math.log(2))


def test_gradients_flow_through_the_means():
    """Shifting all scores together changes nothing, so all gradients must add up to zero."""
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    gradients = torch.autograd.grad(RaSGan().discriminator(real, fake), (real, fake))
    assert gradients[0].sum().item() + gradients[1].sum().item() == pytest.approx(0, abs=1e-15)
    assert gradients[0].sum().abs() > 0.1
