"""DRAGAN's points and its penalty."""

import pytest
import torch

from gan_zoo.regularizers.gradient_penalties import Dragan


def test_linear_critic(linear, real, fake, take_step):
    critic = linear([3.0, 0.0, 4.0])
    penalty = Dragan(weight=7.0, target=2.0).penalty(critic, take_step(critic, real, fake))
    assert penalty.item() == pytest.approx(7 * 9, rel=1e-12)


def test_norms_are_taken_per_sample_at_the_noisy_reals(quadratic, real, fake, take_step):
    critic = quadratic([1.0, -2.0, 0.5])
    penalty = Dragan().penalty(critic, take_step(critic, real, fake))
    (points,) = critic.seen
    rows = (points * torch.tensor([1.0, -2.0, 0.5]).double()).norm(dim=1)
    assert penalty.item() == pytest.approx(10 * (rows - 1).square().mean().item(), rel=1e-12)


def test_noise_is_one_sided_scaled_by_the_spread_and_one_size_a_sample(linear, take_step):
    """x + u n std U[0, 1): the largest of 400 numbers over the mean of them tells u's share."""
    rng = torch.Generator().manual_seed(0)
    real = 3 * torch.randn(2000, 400, generator=rng, dtype=torch.float64)
    critic = linear([0.1] * 400)
    Dragan(noise=0.5).penalty(critic, take_step(critic, real, real))
    noise = (critic.seen[0] - real) / (0.5 * real.numpy().std())  # numpy's is the population form
    assert (noise >= -1e-12).all()
    assert (noise < 1).all()
    u = 2 * noise.mean(1)  # U[0, 1) has mean 1/2
    torch.testing.assert_close(noise.amax(1), u, atol=0.2, rtol=0)  # so one u for the whole sample
    quantiles = torch.quantile(u, torch.tensor([0.1, 0.5, 0.9]).double())
    torch.testing.assert_close(quantiles, torch.tensor([0.1, 0.5, 0.9]).double(), atol=0.04, rtol=0)


@pytest.mark.parametrize("name", ["weight", "target", "noise"])
def test_refuses_values_that_are_none(name):
    with pytest.raises(ValueError, match=rf"regularizer\.{name} is 0"):
        Dragan(**{name: 0})
