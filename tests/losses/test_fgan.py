"""The variational bound: tight at the optimal critic, never above the divergence."""

import math

import numpy as np
import pytest
import torch

from gan_zoo.losses.bce import Bce
from gan_zoo.losses.divergences import Gan, JensenShannon, KullbackLeibler, WeightedJensenShannon
from gan_zoo.losses.fgan import FGan
from gan_zoo.losses.minimax import Minimax

REAL = torch.tensor([-3.0, -0.5, 0.2, 1.7, 4.0, 9.0], dtype=torch.float64)
FAKE = torch.tensor([2.5, -4.0, -1.1, 0.3, 0.9, -7.0], dtype=torch.float64)


def bound(truth, pair, scores):
    return -FGan(truth.divergence).discriminator(*pair.samples(scores)).item()


def test_bound_at_the_optimal_critic_is_the_divergence(truth, pair):
    optimal = np.array([truth.score(u) for u in pair.p / pair.q])
    expected = pair.divergence(truth.f)
    assert bound(truth, pair, optimal) == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_no_perturbation_of_the_optimal_critic_exceeds_the_divergence(truth, pair):
    optimal = np.array([truth.score(u) for u in pair.p / pair.q])
    best = pair.divergence(truth.f)
    rng = np.random.default_rng(5)
    for size in np.geomspace(1e-3, 1e3, 40):  # the large ones lie beyond the knee of e^30
        moved = bound(truth, pair, optimal + size * rng.standard_normal(len(optimal)))
        assert moved <= best + 1e-12 * max(1.0, abs(moved))


def test_a_wrong_critic_is_clearly_below(truth, pair):
    """Scores turned around: less than the divergence, as a sign error in D's loss would be."""
    reversed_scores = np.array([truth.score(u) for u in pair.q / pair.p])
    assert bound(truth, pair, reversed_scores) < pair.divergence(truth.f) - 1e-3


def test_practical_and_saturating_generators():
    """KL: mean of v against mean of exp(v - 1), with their signs."""
    saturating = FGan(KullbackLeibler(), "saturating").generator(FAKE)
    practical = FGan(KullbackLeibler(), "practical").generator(FAKE)
    assert saturating.item() == pytest.approx(-np.exp(FAKE.numpy() - 1).mean(), rel=1e-13)
    assert practical.item() == pytest.approx(-FAKE.numpy().mean(), rel=1e-13)


def test_practical_generator_is_the_mean_of_the_best_critic_s_output(truth):
    """Section 3.2: G maximises E_Q[T], and at the optimal critic T is f'(p / q)."""
    ratios = np.array([0.2, 0.7, 1.0, 1.4, 6.0])
    scores = torch.tensor([truth.score(u) for u in ratios], dtype=torch.float64)
    found = FGan(truth.divergence, "practical").generator(scores).item()
    assert found == pytest.approx(-float(np.mean(truth.slope(ratios))), rel=1e-10, abs=1e-10)


def test_saturating_generator_is_minus_the_mean_conjugate(truth):
    """The other half of the bound: -E_Q[f*(T)], by Fenchel's equality u f'(u) - f(u)."""
    ratios = np.array([0.2, 0.7, 1.0, 1.4, 6.0])
    scores = torch.tensor([truth.score(u) for u in ratios], dtype=torch.float64)
    found = FGan(truth.divergence, "saturating").generator(scores).item()
    expected = -np.mean(ratios * truth.slope(ratios) - truth.f(ratios))
    assert found == pytest.approx(float(expected), rel=1e-9, abs=1e-9)


def test_saturating_generator_is_the_part_of_the_bound_it_can_change(truth):
    loss = FGan(truth.divergence, "saturating")
    fake = FAKE.clone().requires_grad_()
    (of_generator,) = torch.autograd.grad(loss.generator(fake), fake)
    (of_discriminator,) = torch.autograd.grad(loss.discriminator(REAL, fake), fake)
    torch.testing.assert_close(of_generator, -of_discriminator)


def test_gan_divergence_is_binary_cross_entropy():
    practical, saturating = FGan(Gan(), "practical"), FGan(Gan(), "saturating")
    torch.testing.assert_close(
        practical.discriminator(REAL, FAKE), Bce().discriminator(REAL, FAKE), rtol=1e-14, atol=0
    )
    torch.testing.assert_close(practical.generator(FAKE), Bce().generator(FAKE))
    torch.testing.assert_close(saturating.generator(FAKE), Minimax().generator(FAKE))


def test_jensen_shannon_is_the_gan_less_two_log_two():
    shift = FGan(Gan()).discriminator(REAL, FAKE) - FGan(JensenShannon()).discriminator(REAL, FAKE)
    assert shift.item() == pytest.approx(2 * math.log(2), abs=1e-14)


def test_jensen_shannon_row_is_twice_the_jensen_shannon_divergence(truths, pair):
    p, q = pair.p / pair.p.sum(), pair.q / pair.q.sum()
    m = (p + q) / 2
    jsd = ((p * np.log(p / m)).sum() + (q * np.log(q / m)).sum()) / 2
    for name, multiple in (("jensen_shannon", 2), ("jensen_shannon_weighted_0.5", 1)):
        scores = np.array([truths[name].score(u) for u in p / q])
        assert bound(truths[name], pair, scores) == pytest.approx(multiple * jsd, rel=1e-10)


def test_weighted_jensen_shannon_is_the_mixture_formula(truths, pair):
    p, q = pair.p / pair.p.sum(), pair.q / pair.q.sum()
    m = 0.2 * p + 0.8 * q
    expected = 0.2 * (p * np.log(p / m)).sum() + 0.8 * (q * np.log(q / m)).sum()
    truth = truths["jensen_shannon_weighted_0.2"]
    scores = np.array([truth.score(u) for u in p / q])
    assert bound(truth, pair, scores) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("name", "expected"),
    [  # sums written out, with p / q as the paper's integrals have it once P and Q are put right
        ("kl", lambda p, q: (p * np.log(p / q)).sum()),
        ("reverse_kl", lambda p, q: (q * np.log(q / p)).sum()),
        ("pearson", lambda p, q: ((p - q) ** 2 / q).sum()),
        ("neyman", lambda p, q: ((p - q) ** 2 / p).sum()),
        ("squared_hellinger", lambda p, q: ((np.sqrt(p) - np.sqrt(q)) ** 2).sum()),
        ("jeffrey", lambda p, q: ((p - q) * np.log(p / q)).sum()),
        ("total_variation", lambda p, q: np.abs(p - q).sum() / 2),
    ],
)
def test_best_bound_is_the_named_divergence(name, expected, truths, pair):
    p, q = pair.p / pair.p.sum(), pair.q / pair.q.sum()
    scores = np.array([truths[name].score(u) for u in p / q])
    assert bound(truths[name], pair, scores) == pytest.approx(expected(p, q), rel=1e-10)


def test_weighted_jensen_shannon_threshold_moves_with_the_weight():
    """pi = 1/2: softplus(-v) = log(2) / 2, so v = -log(sqrt 2 - 1)."""
    loss = FGan(WeightedJensenShannon(0.5))
    assert loss.real_threshold == pytest.approx(-math.log(math.sqrt(2) - 1), abs=1e-14)


def test_refuses_other_generators():
    with pytest.raises(
        ValueError, match=r"loss\.generator must be saturating or .*, got 'minimax'"
    ):
        FGan(Gan(), "minimax")
