"""WGAN-GP's penalty in closed form."""

import pytest
import torch

from gan_zoo.regularizers.gradient_penalties import GradientPenalty


@pytest.mark.parametrize(("weights", "norm"), [([3.0, 0.0, 4.0], 5.0), ([0.3, 0.0, 0.4], 0.5)])
def test_linear_critic_pays_for_its_slope_on_both_sides(
    weights, norm, linear, real, fake, take_step
):
    critic = linear(weights)
    penalty = GradientPenalty(weight=7.0).penalty(critic, take_step(critic, real, fake))
    assert penalty.item() == pytest.approx(7 * (norm - 1) ** 2, rel=1e-12)


def test_norms_are_taken_per_sample(quadratic, real, take_step):
    """With real = fake, the points are the samples: mean over them of (|a x| - target)^2."""
    critic = quadratic([1.0, -2.0, 0.5])
    rows = (real * torch.tensor([1.0, -2.0, 0.5]).double()).norm(dim=1)
    penalty = GradientPenalty(10.0, target=2.0).penalty(critic, take_step(critic, real, real))
    assert penalty.item() == pytest.approx(10 * (rows - 2).square().mean().item(), rel=1e-12)


def test_is_taken_between_the_samples(quadratic, real, fake, take_step):
    critic = quadratic([1.0, -2.0, 0.5])
    penalty = GradientPenalty(10.0).penalty(critic, take_step(critic, real, fake))
    (points,) = critic.seen
    rows = (points * torch.tensor([1.0, -2.0, 0.5]).double()).norm(dim=1)
    assert penalty.item() == pytest.approx(10 * (rows - 1).square().mean().item(), rel=1e-12)
    on_line = (points - fake) / (real - fake)
    torch.testing.assert_close(on_line, on_line[:, :1].expand(5, 3))
    assert ((on_line > 0) & (on_line < 1)).all()


def test_gradient_in_the_parameters_is_the_closed_forms(linear, real, fake, take_step):
    """d/dw weight (|w| - 1)^2 = 2 weight (|w| - 1) w / |w|, with |w| = 13."""
    critic = linear([3.0, -4.0, 12.0])
    GradientPenalty(10.0).penalty(critic, take_step(critic, real, fake)).backward()
    expected = 2 * 10 * 12 * torch.tensor([3.0, -4.0, 12.0]).double() / 13
    torch.testing.assert_close(critic.score.w.grad, expected)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_refuses_weights_that_are_none(bad):
    with pytest.raises(ValueError, match=r"regularizer\.weight is"):
        GradientPenalty(weight=bad)
    with pytest.raises(ValueError, match=r"regularizer\.target is"):
        GradientPenalty(target=bad)
