"""R1 and R2 by finite differences: the limit, the samples, what they need of D."""

import pytest
import torch
from torch import nn

from gan_zoo.config.preflight import incompatibilities, refuse_batch_norm, refuse_randomness
from gan_zoo.losses.wgan import Wgan
from gan_zoo.models.acgan import Discriminator as Acgan
from gan_zoo.models.infogan import Discriminator
from gan_zoo.regularizers.combined import Combined
from gan_zoo.regularizers.finite_differences import ApproximateR1, ApproximateR1R2, ApproximateR2
from gan_zoo.regularizers.gradient_penalties import R1, R1R2, R2
from gan_zoo.regularizers.lecam import LeCam
from gan_zoo.regularizers.none import Unregularized
from gan_zoo.types import Batch, CriticStep

PAIRS = [(ApproximateR1, R1), (ApproximateR2, R2), (ApproximateR1R2, R1R2)]
DRAWS = 20_000


def repeated(points):
    """Each sample often, so that one penalty is a mean over many draws of the noise."""
    return points.repeat(DRAWS, 1)


@pytest.mark.parametrize(("approximate", "exact"), PAIRS)
def test_expectation_tends_to_the_exact_penalty(approximate, exact, curved, real, fake, take_step):
    step = take_step(curved, repeated(real), repeated(fake))
    found = approximate(gamma=3.0, sigma=1e-5).penalty(curved, step).item()
    expected = exact(gamma=3.0).penalty(curved, take_step(curved, real, fake)).item()
    # (g . e)^2 has the deviation sqrt(2) |g|^2: 100,000 draws or more give about 1%
    assert found == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(("approximate", "exact"), PAIRS)
def test_gradient_tends_to_that_of_the_exact_penalty(
    approximate, exact, curved, real, fake, take_step
):
    weights = list(curved.adversarial_parameters())
    step = take_step(curved, repeated(real), repeated(fake))
    found = torch.autograd.grad(approximate(3.0, 1e-5).penalty(curved, step), weights)
    penalty = exact(3.0).penalty(curved, take_step(curved, real, fake))
    for one, other in zip(found, torch.autograd.grad(penalty, weights), strict=True):
        assert (one - other).norm() < 0.03 * other.norm()


def test_of_a_linear_critic_is_its_slope_along_the_noise_for_any_sigma(
    linear, real, fake, take_step
):
    critic = linear([1.0, -2.0, 3.0])
    for sigma in (1e-3, 1.0, 100.0):
        step = take_step(critic, real, fake, seed=5)
        noise = torch.randn(
            real.shape, generator=torch.Generator().manual_seed(5), dtype=real.dtype
        )
        expected = 2.5 * (noise @ torch.tensor([1.0, -2.0, 3.0]).double()).square().mean()
        found = ApproximateR1(5.0, sigma).penalty(critic, step)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)


def test_of_a_quadratic_critic_has_the_expectation_in_closed_form(quadratic, real, fake, take_step):
    """(D(x + s e) - D(x)) / s = a x . e + s / 2 a . e^2, whose square has the mean
    |a x|^2 + s^2 / 4 (2 |a|^2 + (sum a)^2)."""
    a, sigma = torch.tensor([1.0, -2.0, 0.5]).double(), 0.8
    critic = quadratic(a.tolist())
    step = take_step(critic, repeated(real), repeated(fake))
    bend = sigma**2 / 4 * (2 * a.square().sum() + a.sum().square())
    expected = 2 * ((real * a).square().sum(1).mean() + bend).item()
    found = ApproximateR1(4.0, sigma).penalty(critic, step).item()
    assert found == pytest.approx(expected, rel=0.02)


def test_each_looks_at_its_own_samples_in_one_pass(linear, real, fake, take_step):
    critic = linear([1.0, -2.0, 3.0])
    for kind, points in (
        (ApproximateR1, real),
        (ApproximateR2, fake),
        (ApproximateR1R2, torch.cat([real, fake])),
    ):
        kind(sigma=1e-9).penalty(critic, take_step(critic, real, fake))
        (seen,) = critic.seen
        torch.testing.assert_close(seen, points, rtol=0, atol=1e-7)
        assert not torch.equal(seen, points)


def image_step(critic, rng):
    real, fake = (Batch(torch.rand(32, 1, 28, 28, generator=rng), torch.arange(32)) for _ in "rf")
    scores = critic(torch.cat([real.images, fake.images])).scores.float()
    return CriticStep(real, fake, scores[:32], scores[32:], torch.Generator().manual_seed(0))


def test_in_bf16_the_gradient_is_that_of_float32_but_for_rounding():
    torch.manual_seed(0)
    critic = Discriminator(image_shape=(1, 28, 28), num_classes=10)
    weights = list(critic.adversarial_parameters())
    gradients = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            step = image_step(critic, torch.Generator().manual_seed(1))
            penalty = ApproximateR1().penalty(critic, step)
        assert penalty.dtype == torch.float32
        found = torch.autograd.grad(penalty, weights, allow_unused=True)
        gradients.append(torch.cat([g.flatten() for g in found if g is not None]))
    single, half = gradients
    assert torch.cosine_similarity(single, half, dim=0) > 0.98


@pytest.mark.parametrize("kind", [ApproximateR1, ApproximateR2, ApproximateR1R2])
def test_says_what_it_is(kind):
    made = kind()
    assert made.penalises_gradients
    assert not made.needs_image_gradients
    assert not made.differentiates_twice
    for name in ("gamma", "sigma"):
        with pytest.raises(ValueError, match=rf"regularizer\.{name} must be .*got -1"):
            kind(**{name: -1})


def test_bounds_the_slope_as_the_exact_penalty_does():
    assert incompatibilities(Wgan(), ApproximateR1(), nn.Linear(1, 1)) == []


def test_refuses_batch_norm_and_dropout():
    made = Combined([LeCam(), R1(), ApproximateR1()])
    with pytest.raises(ValueError, match="batch norm"):
        refuse_batch_norm(made, nn.Sequential(nn.BatchNorm1d(1)))
    with pytest.raises(ValueError, match=r"dropout \(1\) draws other masks: use"):
        refuse_randomness(made, nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5)))
    shape = {"image_shape": (1, 28, 28), "num_classes": 10, "width": 0.1}
    with pytest.raises(ValueError, match=r"model\.discriminator\.dropout=0"):
        refuse_randomness(made, Acgan(**shape, dropout=0.3))


@pytest.mark.parametrize("regularizer", [R1(), Unregularized(), ApproximateR1()])
def test_allows_dropout_where_it_does_no_harm(regularizer):
    rate = 0.0 if isinstance(regularizer, ApproximateR1) else 0.3
    shape = {"image_shape": (1, 28, 28), "num_classes": 10, "width": 0.1}
    refuse_randomness(regularizer, Acgan(**shape, dropout=rate))
