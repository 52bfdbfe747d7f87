"""The zero-sum game of 2014."""

import math

import pytest
import torch

from gan_zoo.losses.minimax import Minimax

REAL = torch.tensor([0.0, 2.0, -1.0, 5.0, -9.0], dtype=torch.float64)
FAKE = torch.tensor([1.0, -3.0, 0.5, 0.0, 8.0], dtype=torch.float64)


def test_is_the_log_likelihood_of_the_labels():
    expected = -(torch.sigmoid(REAL).log().mean() + (1 - torch.sigmoid(FAKE)).log().mean())
    torch.testing.assert_close(Minimax().discriminator(REAL, FAKE), expected)


def test_is_zero_sum_in_the_fakes():
    fake = FAKE.clone().requires_grad_()
    (of_g,) = torch.autograd.grad(Minimax().generator(fake), fake)
    (of_d,) = torch.autograd.grad(Minimax().discriminator(REAL, fake), fake)
    torch.testing.assert_close(of_g, -of_d)


def test_undecided_values():
    zeros = torch.zeros(5, dtype=torch.float64)
    assert Minimax().discriminator(zeros, zeros).item() == pytest.approx(2 * math.log(2))
    assert Minimax().generator(zeros).item() == pytest.approx(-math.log(2))


def test_generator_gradient_vanishes_on_rejected_samples():
    fake = torch.full((5,), -50.0, requires_grad=True)
    Minimax().generator(fake).backward()
    assert fake.grad.abs().max() < 1e-20
