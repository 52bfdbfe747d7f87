"""Divergences by quadrature against closed forms and the paper's table."""

import math

import numpy as np
import pytest
import torch

from gan_zoo.experiments.fgan_mixture import mixture, variational_bound
from gan_zoo.experiments.truth import LINE, divergence, integral, log_gaussian, nearest_gaussian
from gan_zoo.losses.divergences import KullbackLeibler
from gan_zoo.report.formatting import table

P, Q = log_gaussian(0.3, 1.1), log_gaussian(-0.4, 1.3)


def kl(m1, s1, m2, s2):
    return math.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5


def power(m1, s1, m2, s2, a):
    """Integral of p^a q^(1 - a) of two Gaussians."""
    mixed = (1 - a) * s1**2 + a * s2**2
    scale = s1 ** (1 - a) * s2**a / math.sqrt(mixed)
    return scale * math.exp(-a * (1 - a) * (m1 - m2) ** 2 / (2 * mixed))


PAIR = (0.3, 1.1, -0.4, 1.3)


@pytest.mark.parametrize(
    ("name", "parameter", "expected"),
    [
        ("kl", None, kl(*PAIR)),
        ("reverse_kl", None, kl(*PAIR[2:], *PAIR[:2])),
        ("jeffrey", None, kl(*PAIR) + kl(*PAIR[2:], *PAIR[:2])),
        ("pearson", None, power(*PAIR, 2) - 1),
        ("neyman", None, power(*PAIR, -1) - 1),
        ("squared_hellinger", None, 2 - 2 * power(*PAIR, 0.5)),
        ("alpha", 0.3, (power(*PAIR, 0.3) - 1) / (0.3 * -0.7)),
        ("alpha", 1.0, kl(*PAIR)),
        ("alpha", 0.0, kl(*PAIR[2:], *PAIR[:2])),
    ],
)
def test_two_gaussians(name, parameter, expected):
    assert divergence(name, P, Q, parameter) == pytest.approx(expected, abs=1e-9)


def test_total_variation_of_two_gaussians_apart_by_their_means():
    # P's half-line minus Q's: erf(|m1 - m2| / (2 sqrt 2 s))
    value = divergence("total_variation", log_gaussian(1.0, 0.8), log_gaussian(-0.2, 0.8))
    assert value == pytest.approx(math.erf(1.2 / (2 * math.sqrt(2) * 0.8)), abs=1e-5)


def test_jensen_shannon_of_densities_that_do_not_meet():
    apart = log_gaussian(-15, 0.3), log_gaussian(15, 0.3)
    assert divergence("jensen_shannon", *apart) == pytest.approx(2 * math.log(2), abs=1e-9)
    assert divergence("gan", *apart) == pytest.approx(0, abs=1e-9)
    entropy = -0.2 * math.log(0.2) - 0.8 * math.log(0.8)
    weighted = divergence("jensen_shannon_weighted", *apart, 0.2)
    assert weighted == pytest.approx(entropy, abs=1e-9)


def test_a_divergent_integral_is_infinite():
    assert divergence("pearson", log_gaussian(0, 2.0), log_gaussian(0, 1.0)) == math.inf


@pytest.mark.parametrize(
    ("name", "mu", "sigma", "value"),
    [
        ("kl", 1.0100, 1.8308, 0.2831),
        ("reverse_kl", 1.5782, 1.6319, 0.2480),
        ("jensen_shannon", 1.3070, 1.7542, 0.1280),
        ("jeffrey", 1.3218, 1.7034, 0.5705),
        ("pearson", 0.5737, 1.9274, 0.6457),
    ],
)
def test_the_best_gaussians_are_those_of_the_paper_s_table(name, mu, sigma, value):
    best = nearest_gaussian(name, mixture())
    assert best == pytest.approx((mu, sigma, value), abs=1e-3)


def test_the_bound_is_tight_at_the_optimal_critic_and_below_it_elsewhere():
    optimal = torch.from_numpy(1 + P - Q)
    exact = kl(*PAIR)
    assert variational_bound(KullbackLeibler(), optimal, P, Q) == pytest.approx(exact, abs=1e-9)
    for nudge in (0.1 * torch.sin(torch.from_numpy(LINE)), torch.full((len(LINE),), -0.05)):
        assert variational_bound(KullbackLeibler(), optimal + nudge, P, Q) < exact - 1e-4


def test_integral():
    assert integral(np.exp(P)) == pytest.approx(1, abs=1e-12)


def test_table():
    rows = [{"name": "a", "x": 0.12345}, {"name": "long", "x": -12.0}]
    assert table(rows) == "name         x\na       0.1235\nlong  -12.0000"
