"""R1, R2 and both together, in closed form: at the samples themselves."""

import pytest
import torch

from gan_zoo.regularizers.gradient_penalties import R1, R1R2, R2

SLOPES = [1.0, -2.0, 0.5]


def mean_square(points):
    return (points * torch.tensor(SLOPES).double()).square().sum(1).mean().item()


@pytest.mark.parametrize(("penalty", "kinds"), [(R1, 1), (R2, 1), (R1R2, 2)])
def test_linear_critic_pays_half_gamma_times_its_squared_slope(
    penalty, kinds, linear, real, fake, take_step
):
    critic = linear([1.0, -2.0, 3.0])
    found = penalty(gamma=5.0).penalty(critic, take_step(critic, real, fake))
    assert found.item() == pytest.approx(kinds * 2.5 * 14, rel=1e-12)


def test_each_looks_at_its_own_samples(quadratic, real, fake, take_step):
    critic = quadratic(SLOPES)
    on_real, on_fake = mean_square(real), mean_square(fake)
    assert on_real > 2 * on_fake  # so that a mix-up shows
    for penalty, expected in (
        (R1(4.0), 2 * on_real),
        (R2(4.0), 2 * on_fake),
        (R1R2(4.0), 2 * (on_real + on_fake)),
    ):
        found = penalty.penalty(critic, take_step(critic, real, fake))
        assert found.item() == pytest.approx(expected, rel=1e-12)
        assert critic.seen == []  # no forward pass of its own


@pytest.mark.parametrize("penalty", [R1, R2, R1R2])
def test_says_that_it_needs_image_gradients(penalty):
    assert penalty().needs_image_gradients
    with pytest.raises(ValueError, match=r"regularizer\.gamma is -1"):
        penalty(gamma=-1)
