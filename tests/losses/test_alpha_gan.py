"""The (alpha_D, alpha_G) loss: the paper's formula, its limits, large scores."""

import math

import numpy as np
import pytest
import torch
from scipy.special import expit

from gan_zoo.losses.alpha_gan import GENERATORS, AlphaGan
from gan_zoo.losses.bce import Bce
from gan_zoo.losses.minimax import Minimax
from gan_zoo.testing import check_loss

REAL = torch.tensor([0.0, 2.0, -1.0, 5.0, -7.0], dtype=torch.float64)
FAKE = torch.tensor([1.0, -3.0, 0.5, 0.0, 6.0], dtype=torch.float64)
EXACT = {"rtol": 1e-10, "atol": 1e-10}
ALPHAS = [0.3, 0.5, 0.9, 1.0, 1.2, 2.0, 10.0, math.inf]


def alpha_loss(probability, alpha):
    """The formula as printed: a / (a - 1) (1 - p^((a - 1) / a))."""
    return alpha / (alpha - 1) * (1 - probability ** ((alpha - 1) / alpha))


@pytest.mark.parametrize("alpha", [0.2, 0.3, 0.8, 1.2, 1.5, 2.0, 10.0])
def test_is_the_published_formula(alpha):
    r, f = expit(REAL.numpy()), expit(FAKE.numpy())
    on_real, on_fake = alpha_loss(r, alpha).mean(), alpha_loss(1 - f, alpha).mean()
    # each network with the alpha of its own
    loss = AlphaGan(alpha_d=alpha, alpha_g=3.0)
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(on_real + on_fake, rel=1e-10)
    loss = AlphaGan(alpha_d=3.0, alpha_g=alpha)
    assert loss.generator(FAKE).item() == pytest.approx(alpha_loss(f, alpha).mean(), rel=1e-10)
    saturating = AlphaGan(alpha_d=3.0, alpha_g=alpha, generator="saturating")
    assert saturating.generator(FAKE).item() == pytest.approx(-on_fake, rel=1e-10)


def test_alpha_1_is_cross_entropy():
    loss, saturating = AlphaGan(), AlphaGan(generator="saturating")
    torch.testing.assert_close(
        loss.discriminator(REAL, FAKE), Bce().discriminator(REAL, FAKE), **EXACT
    )
    torch.testing.assert_close(loss.generator(FAKE), Bce().generator(FAKE), **EXACT)
    torch.testing.assert_close(saturating.generator(FAKE), Minimax().generator(FAKE), **EXACT)


@pytest.mark.parametrize("distance", [1e-12, -1e-12, 1e-9, -1e-9])
def test_alpha_near_1_tends_to_cross_entropy_without_loss_of_digits(distance):
    near = AlphaGan(1 + distance, 1 + distance)
    tolerance = {"rtol": 10 * abs(distance) + 1e-14, "atol": 0}  # l differs by k s(-v)^2 / 2
    torch.testing.assert_close(
        near.discriminator(REAL, FAKE), Bce().discriminator(REAL, FAKE), **tolerance
    )
    torch.testing.assert_close(near.generator(FAKE), Bce().generator(FAKE), **tolerance)


def test_alpha_one_half_is_exponential_whose_best_d_gives_the_hellinger_distance():
    loss = AlphaGan(0.5, 0.5)
    expected = (-REAL).exp().mean() + FAKE.exp().mean()
    torch.testing.assert_close(loss.discriminator(REAL, FAKE), expected, **EXACT)
    torch.testing.assert_close(loss.generator(FAKE), (-FAKE).exp().mean(), **EXACT)
    # p = (1/4, 3/4), q = (3/4, 1/4): the best score is log(p / q) / 2
    real = torch.tensor([-1.0, 1.0, 1.0, 1.0], dtype=torch.float64) * math.log(3) / 2
    squared_hellinger = 2 - 2 * sum(math.sqrt(p * q) for p, q in ((0.25, 0.75), (0.75, 0.25)))
    found = -loss.discriminator(real, -real).item()
    assert found == pytest.approx(squared_hellinger - 2, rel=1e-10)


def test_alpha_infinity_is_linear_in_probabilities_whose_best_d_gives_the_total_variation():
    loss = AlphaGan(math.inf, math.inf)
    expected = torch.sigmoid(-REAL).mean() + torch.sigmoid(FAKE).mean()
    torch.testing.assert_close(loss.discriminator(REAL, FAKE), expected, **EXACT)
    torch.testing.assert_close(loss.generator(FAKE), torch.sigmoid(-FAKE).mean(), **EXACT)
    saturating = AlphaGan(math.inf, math.inf, "saturating")
    torch.testing.assert_close(saturating.generator(FAKE), -torch.sigmoid(FAKE).mean(), **EXACT)
    # p = (1/4, 3/4), q = (3/4, 1/4): the best score is infinite with the sign of p - q
    real = torch.tensor([-1.0, 1.0, 1.0, 1.0], dtype=torch.float64) * 1e3
    assert -loss.discriminator(real, -real).item() == pytest.approx(0.5 - 1, rel=1e-10)
    far = AlphaGan(1e12, 1e12)
    torch.testing.assert_close(far.discriminator(REAL, FAKE), expected, **EXACT)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("alpha", [*ALPHAS, 1 + 1e-9])
def test_keeps_the_contracts(alpha, generator):
    """Below alpha = 0.3, float16 cannot hold the slopes at the contract's scores of 4."""
    check_loss(AlphaGan(alpha, alpha, generator))


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("alpha", [0.05, 0.1, *ALPHAS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_of_large_scores_are_finite_and_have_their_sign(alpha, generator, dtype):
    loss = AlphaGan(alpha, alpha, generator)
    real = torch.linspace(-1e4, 1e4, 4001, dtype=dtype).requires_grad_()
    fake = torch.linspace(-1e4, 1e4, 4001, dtype=dtype).requires_grad_()
    values = loss.discriminator(real, fake), loss.generator(fake)
    on_real, on_fake = torch.autograd.grad(values[0], (real, fake))
    (in_g,) = torch.autograd.grad(values[1], fake)
    for tensor in (*values, on_real, on_fake, in_g):
        assert tensor.isfinite().all()
    assert (on_real <= 0).all()
    assert (on_fake >= 0).all()
    assert (in_g <= 0).all()
    if alpha <= 1:  # no gradient vanishes on what is classified wrongly
        assert (on_real[real < 0] < 0).all()
        assert (on_fake[fake > 0] > 0).all()


def test_the_sigmoid_of_float32_would_lose_what_this_form_keeps():
    """From scores of 17 on, float32's sigmoid is 1 and a loss written with it is flat."""
    fake = torch.tensor([-40.0, 40.0], requires_grad=True)
    AlphaGan(generator="saturating").generator(fake).backward()
    np.testing.assert_allclose(fake.grad.numpy(), [-math.exp(-40) / 2, -0.5], rtol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, -1.0, 0.049, math.nan])
def test_refuses_other_alphas(alpha):
    with pytest.raises(ValueError, match=r"loss\.alpha_d must be at least 0\.05"):
        AlphaGan(alpha_d=alpha)
    with pytest.raises(ValueError, match=r"loss\.alpha_g must be at least 0\.05"):
        AlphaGan(alpha_g=alpha)


def test_refuses_other_generators():
    with pytest.raises(
        ValueError, match=r"loss\.generator must be saturating or .*, got 'practical'"
    ):
        AlphaGan(generator="practical")
