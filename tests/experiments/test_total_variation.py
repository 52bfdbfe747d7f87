"""The game of total variation without samples: who is to blame, the objective or the rest."""

import math

import numpy as np
import pytest

from gan_zoo.experiments.fgan_mixture import mixture
from gan_zoo.experiments.total_variation import BOUND, play
from gan_zoo.experiments.truth import divergence, log_gaussian, nearest_gaussian

BEST = nearest_gaussian("total_variation", mixture())


def test_the_grid_s_total_variation_is_the_quadrature_s():
    for row in play(100.0, BOUND, 200)[::50]:
        exact = divergence("total_variation", mixture(), log_gaussian(row["mu"], row["sigma"]))
        assert row["exact"] == pytest.approx(exact, abs=1e-3)
        assert row["F"] <= row["exact"] + 1e-12


def test_steps_follow_the_gradient_of_the_bound():
    """The first move of each player, against a difference quotient of F at V = s (p - q)."""
    start, second = play(100.0, None, 2)
    assert (start["mu"], start["sigma"], start["F"]) == (0, 1, 0)
    assert (second["mu"], second["sigma"]) == (0, 1)  # T = 0 gives G nothing
    assert second["F"] > 0.9 * start["exact"]
    third = play(0.0, None, 3)[-1]
    assert (third["mu"], third["sigma"], third["F"]) == (0, 1, 0)


def test_free_scores_lose_the_optimum_and_bounded_ones_reach_the_bars():
    for rate in (100.0, 1000.0):
        free, bounded = play(rate, None), play(rate, BOUND)
        assert abs(free[-1]["mu"] - BEST.mu) > 0.5
        assert min(row["F"] for row in free[1500:]) < 0  # D thinks better of Q than of P
        end = bounded[-1]
        assert end["mu"] == pytest.approx(BEST.mu, abs=0.1)
        assert end["sigma"] == pytest.approx(BEST.sigma, abs=0.1)
        assert 0.88 * BEST.divergence <= end["F"] <= BEST.divergence


def test_the_bound_costs_what_tanh_says():
    """At rest D is at its bound wherever p != q: F = tanh(2) D."""
    end = play(1000.0, BOUND)[-1]
    assert end["F"] == pytest.approx(math.tanh(BOUND) * end["exact"], rel=5e-3)
    assert np.isfinite(end["F"])
