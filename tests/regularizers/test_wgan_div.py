"""WGAN-div's power of the norm in closed form."""

import pytest
import torch

from gan_zoo.regularizers.gradient_penalties import WganDivPenalty


@pytest.mark.parametrize(("k", "p"), [(2.0, 6.0), (0.5, 3.0), (1.0, 1.5)])
def test_linear_critic(k, p, linear, real, fake, take_step):
    critic = linear([2.0, 1.0, -2.0])  # norm 3
    penalty = WganDivPenalty(k, p).penalty(critic, take_step(critic, real, fake))
    assert penalty.item() == pytest.approx(k * 3**p, rel=1e-12)


def test_powers_are_taken_per_sample(quadratic, real, take_step):
    critic = quadratic([1.0, -2.0, 0.5])
    rows = (real * torch.tensor([1.0, -2.0, 0.5]).double()).norm(dim=1)
    penalty = WganDivPenalty().penalty(critic, take_step(critic, real, real))
    assert penalty.item() == pytest.approx(2 * (rows**6).mean().item(), rel=1e-12)


@pytest.mark.parametrize("p", [1.0, 0.5, float("nan"), float("inf")])
def test_refuses_powers_with_a_corner(p):
    with pytest.raises(ValueError, match=r"regularizer\.p is"):
        WganDivPenalty(p=p)
