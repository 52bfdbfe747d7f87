"""Each f-divergence against its definition; the alpha family's limits, relatives and range."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq, minimize_scalar

from gan_zoo.losses.divergences import Alpha, WeightedJensenShannon
from gan_zoo.losses.fgan import FGan

RELATIVES = {  # alpha: (relative, D_alpha / D_relative)
    "alpha_0": ("reverse_kl", 1.0),
    "alpha_1": ("kl", 1.0),
    "alpha_0.5": ("squared_hellinger", 2.0),
    "alpha_2.0": ("pearson", 0.5),
    "alpha_-1.0": ("neyman", 0.5),
}
SCORES = np.concatenate([np.linspace(-6, 6, 25), [-2.01, -1.99, 1e-9]])


def evaluate(function, scores):
    return function(torch.tensor(scores, dtype=torch.float64)).numpy()


def brute_force_conjugate(f, t):
    """sup over u > 0 of u t - f(u), which is concave: a grid of log u, then a bounded search."""

    def loss(log_u):
        return f(np.exp(log_u)) - np.exp(log_u) * t

    grid = np.linspace(-80, 45, 1251)
    best = grid[np.argmin(loss(grid))]
    found = minimize_scalar(
        loss, bounds=(best - 0.1, best + 0.1), method="bounded", options={"xatol": 1e-13}
    )
    return -found.fun


def test_conjugate_is_the_supremum_over_all_ratios(truth):
    t = evaluate(truth.divergence.activation, SCORES)
    expected = np.array([brute_force_conjugate(truth.f, value) for value in t])
    actual = evaluate(truth.divergence.conjugate, SCORES)
    np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-8)


def test_conjugate_is_the_closed_form_of_the_activation(truth):
    t = evaluate(truth.divergence.activation, SCORES)
    actual = evaluate(truth.divergence.conjugate, SCORES)
    np.testing.assert_allclose(actual, truth.conjugate(t), rtol=1e-10, atol=1e-10)


def test_activation_stays_in_the_closed_domain_for_any_score(truth):
    scores = np.concatenate([np.linspace(-1e4, 1e4, 2001), np.linspace(-50, 50, 501)])
    t = evaluate(truth.divergence.activation, scores)
    low, high = truth.domain
    assert (t >= low).all()
    assert (t <= high + 1e-15).all()


def test_activation_reaches_what_any_ratio_asks_for(truth):
    """Every T = f'(u) for ratios u from e^-15 to e^15, which cover the domain but for its ends."""
    targets = truth.slope(np.exp(np.linspace(-15, 15, 13)))
    if truth.name == "total_variation":
        targets = np.linspace(-0.499, 0.499, 13)  # its ends +-1/2 are where T only tends to

    def miss(v, target):
        return evaluate(truth.divergence.activation, v).item() - target

    for target in targets:
        root = brentq(miss, -1e22, 1e22, args=(target,), xtol=1e-13, rtol=1e-13, maxiter=1000)
        assert miss(root, target) == pytest.approx(0, abs=1e-9 * max(1, abs(target)))


def test_both_functions_rise_with_the_score(truth):
    scores = np.sort(np.concatenate([np.linspace(-1e4, 1e4, 2001), np.linspace(-40, 40, 801)]))
    for function in (truth.divergence.activation, truth.divergence.conjugate):
        values = evaluate(function, scores)
        rounding = 4e-16 * np.abs(values[1:])
        assert (np.diff(values) >= -rounding).all()
    inner = evaluate(truth.divergence.activation, np.linspace(-8, 8, 161))
    assert (np.diff(inner) > 0).all()


def test_threshold_is_where_the_ratio_is_one(truth):
    """g_f(threshold) = f'(1), and there the bound is f(1): 0 for all but the GAN's -log 4."""
    at = np.array(truth.divergence.threshold)
    t, conjugate = (
        evaluate(function, at).item()
        for function in (truth.divergence.activation, truth.divergence.conjugate)
    )
    assert t == pytest.approx(float(truth.slope(1.0)), abs=1e-12)
    assert t - conjugate == pytest.approx(float(truth.f(1.0)), abs=1e-12)
    expected = -np.log(4) if truth.name == "gan" else 0.0
    assert t - conjugate == pytest.approx(expected, abs=1e-12)


def test_slopes_of_the_pair_are_in_the_ratio_of_the_densities(truth):
    """d f*(g(v)) / dv = u g'(v) with f'(u) = g(v): Fenchel's equality, as autograd sees it."""
    for u in (0.2, 0.9, 1.0, 3.0):
        if truth.name == "total_variation":
            continue  # its slope is a step: no u belongs to an inner T but 1
        v = torch.tensor(truth.score(u), dtype=torch.float64, requires_grad=True)
        (of_activation,) = torch.autograd.grad(truth.divergence.activation(v), v)
        (of_conjugate,) = torch.autograd.grad(truth.divergence.conjugate(v), v)
        torch.testing.assert_close(of_conjugate, u * of_activation, rtol=1e-8, atol=1e-10)


def test_gradients_match_finite_differences_twice(truth):
    scores = torch.tensor([-5.3, -1.7, -0.4, 0.0, 0.6, 1.9, 4.1], dtype=torch.float64)
    scores.requires_grad_()
    for function in (truth.divergence.activation, truth.divergence.conjugate):
        assert torch.autograd.gradcheck(function, scores)
        if truth.name in ("alpha_1.5", "alpha_2.0", "alpha_3.0", "pearson", "alpha_1.1"):
            inner = scores.detach()[2:].requires_grad_()  # f* has a corner where it reaches f(0)
            assert torch.autograd.gradgradcheck(function, inner)
        else:
            assert torch.autograd.gradgradcheck(function, scores)


def test_single_precision_is_as_good_as_its_digits(truth):
    scores = torch.linspace(-25, 25, 1001, dtype=torch.float64)
    for function in (truth.divergence.activation, truth.divergence.conjugate):
        exact, single = function(scores), function(scores.float())
        assert single.dtype == torch.float32
        torch.testing.assert_close(single.double(), exact, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("pi", [0.0, 1.0, 3.14159, -0.5, float("nan")])
def test_weighted_js_refuses_weights_outside_0_and_1(pi):
    with pytest.raises(ValueError, match=r"loss\.divergence\.pi must"):
        WeightedJensenShannon(pi)


@pytest.mark.filterwarnings("ignore:overflow")
def test_the_range_goes_from_equal_to_disjoint_distributions(truth):
    """D_f is f(1) where p = q, and f(0) + lim f(u) / u where they share no point."""
    low, high = truth.divergence.range
    assert low == pytest.approx(float(truth.f(np.float64(1))), abs=1e-12)
    disjoint = float(truth.f(np.float64(1e-300)) + truth.f(np.float64(1e300)) / 1e300)
    if disjoint > 100:  # log(1e300) = 690 and more: grows without end
        assert high == np.inf
    else:
        assert high == pytest.approx(disjoint, abs=1e-6)


@pytest.mark.parametrize("name", RELATIVES)
def test_alpha_s_best_bound_is_that_of_its_relative(name, truths, pair):
    relative, factor = RELATIVES[name]
    best = {}
    for key in (name, relative):
        scores = np.array([truths[key].score(u) for u in pair.p / pair.q])
        best[key] = -FGan(truths[key].divergence).discriminator(*pair.samples(scores)).item()
    assert best[name] > 0
    assert best[name] == pytest.approx(factor * best[relative], rel=1e-10)


def test_alpha_0_keeps_its_digits_for_large_scores():
    """f* at alpha = 0 is -log log(1 + exp(-v)), also where exp(-v) is tiny."""
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
    with pytest.raises(ValueError, match=r"loss\.divergence\.alpha must"):
        Alpha(alpha)
