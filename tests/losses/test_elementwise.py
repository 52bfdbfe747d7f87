"""Elementwise functions: digits, limits, and the bound of a divergence beyond the knee."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import wrightomega

from gan_zoo.losses.divergences import KullbackLeibler, ReverseKullbackLeibler, SquaredHellinger
from gan_zoo.losses.elementwise import compress_above, compress_below, log_wright_omega, softplus


@given(st.floats(-700, 700))
def test_softplus_solves_its_equation(x):
    """exp(softplus(x)) - 1 = exp(x), checked as softplus(x) - x = softplus(-x)."""
    value = softplus(torch.tensor(x, dtype=torch.float64)).item()
    mirrored = softplus(torch.tensor(-x, dtype=torch.float64)).item()
    assert value - mirrored == pytest.approx(x, rel=1e-14, abs=1e-14)
    assert value >= max(x, 0)


def test_softplus_is_exact_beyond_torchs_threshold():
    value = softplus(torch.tensor(25.0, dtype=torch.float64)).item()
    assert value - 25.0 == pytest.approx(1.3887943864964021e-11, rel=1e-3)


def test_compression_leaves_scores_up_to_the_knee_alone():
    scores = torch.tensor([-1e4, -31.0, -30.0, 0.3, 29.99, 30.0])
    assert torch.equal(compress_above(scores, 30.0), scores)
    assert torch.equal(compress_below(-scores, 30.0), -scores)


def test_compression_is_logarithmic_beyond_the_knee_with_a_continuous_slope():
    scores = torch.tensor([30.0, 30.0 + 1e-9, 31.0, 1030.0], dtype=torch.float64).requires_grad_()
    values = compress_above(scores, 30.0, scale=0.5)
    (slopes,) = torch.autograd.grad(values.sum(), scores)
    expected = [30.0, 30.0 + 1e-9, 30 + 0.5 * math.log(3), 30 + 0.5 * math.log(2001)]
    torch.testing.assert_close(values.detach(), torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(slopes, torch.tensor([1, 1, 1 / 3, 1 / 2001], dtype=torch.float64))


def test_compression_below_mirrors_above():
    scores = torch.linspace(-50, 50, 11)
    torch.testing.assert_close(compress_below(scores, 30.0), -compress_above(-scores, 30.0))


@pytest.mark.parametrize(
    ("function", "sign"),
    [
        (KullbackLeibler().conjugate, 1),
        (ReverseKullbackLeibler().activation, -1),
        (SquaredHellinger().conjugate, 1),
        (SquaredHellinger().activation, -1),
    ],
)
def test_exponentials_continue_as_straight_lines(function, sign):
    scores = sign * torch.tensor([100.0, 200.0, 300.0, 1e4], dtype=torch.float64)
    scores.requires_grad_()
    (slopes,) = torch.autograd.grad(function(scores).sum(), scores)
    expected = torch.full_like(slopes, math.exp(30))
    torch.testing.assert_close(slopes, expected, rtol=1e-9, atol=0)


def test_log_wright_omega_agrees_with_scipy_where_scipy_does_not_underflow():
    x = np.concatenate([np.linspace(-700, 700, 1401), np.linspace(-3, 5, 801), [1e4, 1e8]])
    actual = log_wright_omega(torch.tensor(x)).numpy()
    np.testing.assert_allclose(actual, np.log(wrightomega(x)), rtol=1e-14, atol=1e-15)


def test_log_wright_omega_solves_its_equation_in_single_precision():
    x = torch.linspace(-1e4, 1e4, 5001)
    y = log_wright_omega(x)
    torch.testing.assert_close(y.double() + y.double().exp(), x.double(), rtol=2e-6, atol=2e-6)


def test_log_wright_omega_has_known_values():
    """omega(1) = 1; omega(0) is the omega constant 0.567143290409784, -log of itself."""
    actual = log_wright_omega(torch.tensor([1.0, 0.0], dtype=torch.float64))
    expected = torch.tensor([0.0, -0.567143290409784], dtype=torch.float64)
    torch.testing.assert_close(actual, expected, rtol=1e-14, atol=1e-15)


def test_log_wright_omega_has_exact_derivatives():
    x = torch.tensor([-20.0, -3.0, 0.0, 0.9, 1.1, 7.0, 40.0], dtype=torch.float64)
    x.requires_grad_()
    assert torch.autograd.gradcheck(log_wright_omega, x)
    assert torch.autograd.gradgradcheck(log_wright_omega, x)
