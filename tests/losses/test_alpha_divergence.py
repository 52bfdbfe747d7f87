"""The alpha family: its limits, its relatives, its numerical range."""

import numpy as np
import pytest
import torch

from gan_zoo.losses.alpha_divergence import Alpha
from gan_zoo.losses.fgan import FGan

RELATIVES = {  # alpha: (relative, D_alpha / D_relative)
    "alpha_0": ("reverse_kl", 1.0),
    "alpha_1": ("kl", 1.0),
    "alpha_0.5": ("squared_hellinger", 2.0),
    "alpha_2.0": ("pearson", 0.5),
    "alpha_-1.0": ("neyman", 0.5),
}


@pytest.mark.parametrize("name", RELATIVES)
def test_best_bound_is_that_of_the_relative(name, truths, pair):
    relative, factor = RELATIVES[name]
    best = {}
    for key in (name, relative):
        scores = np.array([truths[key].score(u) for u in pair.p / pair.q])
        best[key] = -FGan(truths[key].divergence).discriminator(*pair.samples(scores)).item()
    assert best[name] > 0
    assert best[name] == pytest.approx(factor * best[relative], rel=1e-10)


def test_the_logarithm_of_softplus_keeps_its_digits():
    """f* at alpha = 0 is -log log(1 + exp(-v)), also where exp(-v) is next to nothing."""
    scores = np.array([-50.0, -1.0, 0.0, 14.9, 15.0, 15.1, 20.0, 40.0, 700.0])
    actual = Alpha(0.0).conjugate(torch.tensor(scores)).numpy()
    np.testing.assert_allclose(actual, -np.log(np.log1p(np.exp(-scores))), rtol=1e-13)


@pytest.mark.parametrize("alpha", [1e-4, 1e-8, -1e-8, 1e-300])
def test_small_alpha_tends_to_the_limit(alpha):
    scores = torch.linspace(-20, 20, 81, dtype=torch.float64)
    near, limit = Alpha(alpha), Alpha(0.0)
    tolerance = {"rtol": 20 * abs(alpha) + 1e-12, "atol": 300 * abs(alpha) + 1e-12}
    torch.testing.assert_close(near.activation(scores), limit.activation(scores), **tolerance)
    torch.testing.assert_close(near.conjugate(scores), limit.conjugate(scores), **tolerance)


def test_alpha_just_above_one_tends_to_the_limit():
    scores = torch.linspace(-5, 5, 41, dtype=torch.float64)
    near, limit = Alpha(1.001), Alpha(1.0)
    # (1 + e v)^(1 + 1/e) = exp(v) (1 + e (v - v^2 / 2) + O(e^2)), minus 1, over 1 + e
    first_order = limit.conjugate(scores) + 0.001 * (
        scores.exp() * (scores - scores**2 / 2) - limit.conjugate(scores)
    )
    torch.testing.assert_close(near.conjugate(scores), first_order, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize(
    "alpha", [-50.0, 1e-3, 1e-2, 0.3, 0.8, 0.9, 0.99, 0.999, 1.001, 1.01, 50.0]
)
def test_extreme_alphas_stay_finite_and_monotone(alpha):
    scores = torch.linspace(-1e4, 1e4, 4001).requires_grad_()
    for function in (Alpha(alpha).activation, Alpha(alpha).conjugate):
        values = function(scores)
        (slopes,) = torch.autograd.grad(values.sum(), scores)
        assert values.isfinite().all()
        assert slopes.isfinite().all()
        assert (slopes >= 0).all()


@pytest.mark.parametrize("alpha", [float("nan"), float("inf"), 1.0001, 0.9999])
def test_refuses_alphas_it_cannot_compute(alpha):
    with pytest.raises(ValueError, match=r"loss\.divergence\.alpha is"):
        Alpha(alpha)
