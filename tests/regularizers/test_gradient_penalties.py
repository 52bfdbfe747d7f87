"""Gradient penalties in closed form, on linear and quadratic critics, and the points they use."""

import pytest
import torch

from gan_zoo.regularizers.gradient_penalties import (
    R1,
    R1R2,
    R2,
    Dragan,
    GradientPenalty,
    LipschitzPenalty,
    WganDivPenalty,
    ZeroCenteredPenalty,
    gradients_at,
    input_gradients,
    interpolates,
    norms,
    one_per_sample,
)

SLOPES = [1.0, -2.0, 0.5]


def gradients(points):
    """Of the quadratic critic with curvatures SLOPES."""
    return points * torch.tensor(SLOPES).double()


@pytest.mark.parametrize(
    ("penalty", "weights", "expected"),
    [
        (GradientPenalty(weight=7.0), [3.0, 0.0, 4.0], 7 * 16),  # norm 5
        (GradientPenalty(weight=7.0), [0.3, 0.0, 0.4], 7 * 0.25),  # both sides of the target
        (LipschitzPenalty(weight=7.0), [3.0, 0.0, 4.0], 7 * 16),
        (LipschitzPenalty(weight=7.0), [0.3, 0.0, 0.4], 0),  # steepness only
        (Dragan(weight=7.0, target=2.0), [3.0, 0.0, 4.0], 7 * 9),
        (ZeroCenteredPenalty(weight=0.5), [1.0, -2.0, 3.0], 0.5 * 14),
        (WganDivPenalty(2.0, 6.0), [2.0, 1.0, -2.0], 2 * 3**6),
        (WganDivPenalty(0.5, 3.0), [2.0, 1.0, -2.0], 0.5 * 3**3),
        (WganDivPenalty(1.0, 1.5), [2.0, 1.0, -2.0], 3**1.5),
        (R1(gamma=5.0), [1.0, -2.0, 3.0], 2.5 * 14),
        (R2(gamma=5.0), [1.0, -2.0, 3.0], 2.5 * 14),
        (R1R2(gamma=5.0), [1.0, -2.0, 3.0], 2 * 2.5 * 14),
    ],
)
def test_linear_critic_pays_for_its_slope(
    penalty, weights, expected, linear, real, fake, take_step
):
    critic = linear(weights)
    found = penalty.penalty(critic, take_step(critic, real, fake)).item()
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("penalty", "of_norms"),
    [
        (GradientPenalty(10.0, target=2.0), lambda n: 10 * (n - 2).square()),
        (LipschitzPenalty(1.0, target=3.0), lambda n: (n - 3).clamp(min=0).square()),
        (WganDivPenalty(), lambda n: 2 * n**6),
        (ZeroCenteredPenalty(10.0), lambda n: 10 * n.square()),
        (Dragan(), lambda n: 10 * (n - 1).square()),
    ],
)
def test_norms_are_taken_per_sample_at_the_points_seen(
    penalty, of_norms, quadratic, real, fake, take_step
):
    critic = quadratic(SLOPES)
    found = penalty.penalty(critic, take_step(critic, real, fake)).item()
    (points,) = critic.seen
    rows = gradients(points).norm(dim=1)
    assert found == pytest.approx(of_norms(rows).mean().item(), rel=1e-12)
    assert not torch.allclose(points, real)
    if not isinstance(penalty, Dragan):
        on_line = (points - fake) / (real - fake)
        torch.testing.assert_close(on_line, on_line[:, :1].expand(5, 3))
        assert ((on_line > 0) & (on_line < 1)).all()
        assert len(on_line[:, 0].unique()) == 5


def test_flat_samples_do_not_offset_steep_ones(quadratic, real, take_step):
    """With real = fake the points are the samples, of which some norms are below the target."""
    critic = quadratic(SLOPES)
    rows = gradients(real).norm(dim=1)
    assert (rows < 3).any()
    assert (rows > 3).any()
    found = LipschitzPenalty(1.0, target=3.0).penalty(critic, take_step(critic, real, real))
    expected = sum(max(0.0, row - 3) ** 2 for row in rows.tolist()) / 5
    assert found.item() == pytest.approx(expected, rel=1e-12)


def test_gradient_in_the_parameters_has_its_closed_form(linear, real, fake, take_step):
    """d/dw weight (|w| - 1)^2 = 2 weight (|w| - 1) w / |w|, with |w| = 13."""
    critic = linear([3.0, -4.0, 12.0])
    GradientPenalty(10.0).penalty(critic, take_step(critic, real, fake)).backward()
    expected = 2 * 10 * 12 * torch.tensor([3.0, -4.0, 12.0]).double() / 13
    torch.testing.assert_close(critic.score.w.grad, expected)


def test_r1_and_r2_use_their_own_samples_without_a_forward_pass(quadratic, real, fake, take_step):
    critic = quadratic(SLOPES)
    on_real, on_fake = (gradients(x).square().sum(1).mean().item() for x in (real, fake))
    assert on_real > 2 * on_fake  # so that a mix-up shows
    for penalty, expected in (
        (R1(4.0), 2 * on_real),
        (R2(4.0), 2 * on_fake),
        (R1R2(4.0), 2 * (on_real + on_fake)),
    ):
        found = penalty.penalty(critic, take_step(critic, real, fake))
        assert penalty.needs_image_gradients
        assert found.item() == pytest.approx(expected, rel=1e-12)
        assert critic.seen == []


def test_dragan_s_noise_is_one_sided_scaled_by_the_spread_and_one_size_a_sample(linear, take_step):
    """x + u n std U[0, 1): the largest of 400 numbers over the mean of them shows u's share."""
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


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (GradientPenalty, "weight"), (GradientPenalty, "target"), (LipschitzPenalty, "weight"),
        (LipschitzPenalty, "target"), (ZeroCenteredPenalty, "weight"), (WganDivPenalty, "k"),
        (WganDivPenalty, "p"), (Dragan, "weight"), (Dragan, "target"), (Dragan, "noise"),
        (R1, "gamma"), (R2, "gamma"), (R1R2, "gamma"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_refuses_options_that_are_not_finite_and_positive(kind, name, value):
    with pytest.raises(ValueError, match=rf"regularizer\.{name} must be .*got {value}"):
        kind(**{name: value})


def test_refuses_powers_with_a_corner():
    with pytest.raises(ValueError, match=r"regularizer\.p must be .*above 1, got 1"):
        WganDivPenalty(p=1.0)


def test_gradients_belong_to_their_samples(quadratic, real, fake, take_step):
    critic = quadratic(SLOPES)
    torch.testing.assert_close(gradients_at(critic, real), gradients(real))
    step = take_step(critic, real, fake)
    scores = step.real_scores.sum() + step.fake_scores.sum()
    found = input_gradients(scores, [step.real.images, step.fake.images])
    torch.testing.assert_close(found, [gradients(real), gradients(fake)])


def test_norms_are_one_a_row_with_zero_slope_at_zero():
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0], [5.0, 12.0]], requires_grad=True)
    found = norms(rows)
    torch.testing.assert_close(found.detach(), torch.tensor([5.0, 0.0, 13.0]))
    (slopes,) = torch.autograd.grad(found.sum(), rows)
    torch.testing.assert_close(slopes, torch.tensor([[0.6, 0.8], [0.0, 0.0], [5 / 13, 12 / 13]]))


def test_interpolates_lie_between_their_pair(linear, real, fake, take_step):
    points = interpolates(take_step(linear(SLOPES), real, fake))
    places = ((points - fake) / (real - fake))[:, 0]
    torch.testing.assert_close(points, fake + places[:, None] * (real - fake))
    assert ((places >= 0) & (places <= 1)).all()


def test_places_are_uniform():
    numbers = one_per_sample(torch.zeros(20000, 1, 2, 2), torch.Generator().manual_seed(0))
    assert numbers.shape == (20000, 1, 1, 1)
    quantiles = torch.quantile(numbers.flatten(), torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]))
    # the standard deviation of a quantile of 20000 is at most 0.0036
    torch.testing.assert_close(
        quantiles, torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]), atol=0.015, rtol=0
    )
