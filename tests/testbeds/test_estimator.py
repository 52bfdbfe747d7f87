"""A critic trained between two Gaussians comes near the exact divergence, from below."""

import pytest

from gan_zoo.testbeds.estimator import trained_bound
from gan_zoo.testbeds.fgan_mixture import BOUNDS
from gan_zoo.testbeds.truth import divergence, log_gaussian

P, Q = (-0.5, 0.8), (0.5, 1.0)


@pytest.mark.parametrize("name", ["kl", "jensen_shannon", "pearson"])
def test_the_bound_is_reached_from_below(name):
    exact = divergence(name, log_gaussian(*P), log_gaussian(*Q))
    bound = trained_bound(BOUNDS[name], P, Q, steps=300, batch_size=512)
    assert 0.9 * exact < bound < exact
