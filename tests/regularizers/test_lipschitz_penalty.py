"""WGAN-LP's penalty in closed form."""

import pytest
import torch

from gan_zoo.regularizers.gradient_penalties import LipschitzPenalty


@pytest.mark.parametrize(("weights", "norm"), [([3.0, 0.0, 4.0], 5.0), ([0.3, 0.0, 0.4], 0.5)])
def test_linear_critic_pays_for_steepness_only(weights, norm, linear, real, fake, take_step):
    critic = linear(weights)
    penalty = LipschitzPenalty(weight=7.0).penalty(critic, take_step(critic, real, fake))
    assert penalty.item() == pytest.approx(7 * max(0.0, norm - 1) ** 2, rel=1e-12)


def test_flat_samples_do_not_make_up_for_steep_ones(quadratic, real, take_step):
    critic = quadratic([1.0, -2.0, 0.5])
    rows = (real * torch.tensor([1.0, -2.0, 0.5]).double()).norm(dim=1)
    assert (rows < 3).any()
    assert (rows > 3).any()
    penalty = LipschitzPenalty(1.0, target=3.0).penalty(critic, take_step(critic, real, real))
    expected = sum(max(0.0, row - 3) ** 2 for row in rows.tolist()) / 5
    assert penalty.item() == pytest.approx(expected, rel=1e-12)
