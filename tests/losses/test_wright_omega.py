"""The logarithm of Wright's omega against scipy and its defining equation."""

import numpy as np
import torch
from scipy.special import wrightomega

from gan_zoo.losses.wright_omega import log_wright_omega


def test_agrees_with_scipy_where_scipy_does_not_underflow():
    x = np.concatenate([np.linspace(-700, 700, 1401), np.linspace(-3, 5, 801), [1e4, 1e8]])
    expected = np.log(wrightomega(x))
    actual = log_wright_omega(torch.tensor(x)).numpy()
    np.testing.assert_allclose(actual, expected, rtol=1e-14, atol=1e-15)


def test_solves_its_equation_in_single_precision():
    x = torch.linspace(-1e4, 1e4, 5001)
    y = log_wright_omega(x)
    torch.testing.assert_close(y.double() + y.double().exp(), x.double(), rtol=2e-6, atol=2e-6)


def test_known_values():
    """omega(1) = 1; omega(0) is the omega constant 0.567143290409784, -log of itself."""
    actual = log_wright_omega(torch.tensor([1.0, 0.0], dtype=torch.float64))
    expected = torch.tensor([0.0, -0.567143290409784], dtype=torch.float64)
    torch.testing.assert_close(actual, expected, rtol=1e-14, atol=1e-15)


def test_derivatives():
    x = torch.tensor([-20.0, -3.0, 0.0, 0.9, 1.1, 7.0, 40.0], dtype=torch.float64)
    x.requires_grad_()
    assert torch.autograd.gradcheck(log_wright_omega, x)
    assert torch.autograd.gradgradcheck(log_wright_omega, x)
