"""The zero-centred penalty between samples in closed form."""

import pytest
import torch

from gan_zoo.regularizers.gradient_penalties import ZeroCenteredPenalty


def test_linear_critic_pays_its_squared_slope(linear, real, fake, take_step):
    critic = linear([1.0, -2.0, 3.0])
    penalty = ZeroCenteredPenalty(weight=0.5).penalty(critic, take_step(critic, real, fake))
    assert penalty.item() == pytest.approx(0.5 * 14, rel=1e-12)


def test_is_the_mean_over_the_points_seen(quadratic, real, fake, take_step):
    critic = quadratic([1.0, -2.0, 0.5])
    penalty = ZeroCenteredPenalty(10.0).penalty(critic, take_step(critic, real, fake))
    (points,) = critic.seen
    squares = (points * torch.tensor([1.0, -2.0, 0.5]).double()).square().sum(1)
    assert penalty.item() == pytest.approx(10 * squares.mean().item(), rel=1e-12)
    assert not torch.allclose(points, real)
    assert not torch.allclose(points, fake)
