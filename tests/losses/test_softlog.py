"""Where scores are compressed, and that the bound survives it."""

import math

import pytest
import torch

from gan_zoo.losses.divergences import KullbackLeibler, ReverseKullbackLeibler, SquaredHellinger
from gan_zoo.losses.softlog import compress_above, compress_below


def test_leaves_everything_to_the_knee_alone():
    scores = torch.tensor([-1e4, -31.0, -30.0, 0.3, 29.99, 30.0])
    assert torch.equal(compress_above(scores, 30.0), scores)
    assert torch.equal(compress_below(-scores, 30.0), -scores)


def test_goes_on_logarithmically_with_a_continuous_slope():
    scores = torch.tensor([30.0, 30.0 + 1e-9, 31.0, 1030.0], dtype=torch.float64).requires_grad_()
    values = compress_above(scores, 30.0, scale=0.5)
    (slopes,) = torch.autograd.grad(values.sum(), scores)
    expected = [30.0, 30.0 + 1e-9, 30 + 0.5 * math.log(3), 30 + 0.5 * math.log(2001)]
    torch.testing.assert_close(values.detach(), torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(slopes, torch.tensor([1, 1, 1 / 3, 1 / 2001], dtype=torch.float64))


def test_below_mirrors_above():
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
def test_exponentials_go_on_as_straight_lines(function, sign):
    scores = sign * torch.tensor([100.0, 200.0, 300.0, 1e4], dtype=torch.float64)
    scores.requires_grad_()
    (slopes,) = torch.autograd.grad(function(scores).sum(), scores)
    expected = torch.full_like(slopes, math.exp(30))
    torch.testing.assert_close(slopes, expected, rtol=1e-9, atol=0)
