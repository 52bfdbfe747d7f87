"""Per-sample gradients, their norms, and the points between real and fake."""

import torch

from gan_zoo.regularizers.gradient_penalties import (
    gradients_at,
    input_gradients,
    interpolates,
    norms,
    one_per_sample,
)


def test_gradients_belong_to_their_samples(quadratic, real):
    found = gradients_at(quadratic([1.0, -2.0, 3.0]), real)
    torch.testing.assert_close(found, real * torch.tensor([1.0, -2.0, 3.0]).double())


def test_several_inputs_at_once(quadratic, real, fake, take_step):
    critic = quadratic([1.0, -2.0, 3.0])
    step = take_step(critic, real, fake)
    scores = step.real_scores.sum() + step.fake_scores.sum()
    found = input_gradients(scores, [step.real.images, step.fake.images])
    slopes = torch.tensor([1.0, -2.0, 3.0]).double()
    torch.testing.assert_close(found, [real * slopes, fake * slopes])


def test_norms_are_one_a_row_with_zero_slope_at_zero():
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0], [5.0, 12.0]], requires_grad=True)
    found = norms(rows)
    torch.testing.assert_close(found.detach(), torch.tensor([5.0, 0.0, 13.0]))
    (slopes,) = torch.autograd.grad(found.sum(), rows)
    torch.testing.assert_close(slopes, torch.tensor([[0.6, 0.8], [0.0, 0.0], [5 / 13, 12 / 13]]))


def test_each_sample_has_its_own_place_between_its_pair(linear, real, fake, take_step):
    points = interpolates(take_step(linear([1.0, 2.0, 3.0]), real, fake))
    coefficients = (points - fake) / (real - fake)
    torch.testing.assert_close(coefficients, coefficients[:, :1].expand(5, 3))
    assert ((coefficients >= 0) & (coefficients <= 1)).all()
    assert len(coefficients[:, 0].unique()) == 5


def test_places_are_uniform():
    numbers = one_per_sample(torch.zeros(20000, 1, 2, 2), torch.Generator().manual_seed(0))
    assert numbers.shape == (20000, 1, 1, 1)
    quantiles = torch.quantile(numbers.flatten(), torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]))
    # the standard deviation of a quantile of 20000 is at most 0.0036
    torch.testing.assert_close(
        quantiles, torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]), atol=0.015, rtol=0
    )
