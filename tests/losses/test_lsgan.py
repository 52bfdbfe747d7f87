"""Least squares: codings, optimal critic, the Pearson identity."""

import numpy as np
import pytest
import torch

from gan_zoo.losses.lsgan import Lsgan

REAL = torch.tensor([0.0, 2.0, -1.0, 5.0, 1.0])
FAKE = torch.tensor([1.0, -3.0, 0.5, 0.0, 2.0])


def test_values_by_hand():
    """a, b, c = 0, 1, 1: reals 1+1+4+16+0 = 22, fakes 1+9+.25+0+4 = 14.25, to 1: 18.25."""
    torch.testing.assert_close(Lsgan().discriminator(REAL, FAKE), torch.tensor(36.25 / 10))
    torch.testing.assert_close(Lsgan().generator(FAKE), torch.tensor(18.25 / 10))


def test_each_target_by_hand():
    """a, b, c = -1, 3, 7: reals 9+1+16+4+4 = 34, fakes 4+4+2.25+1+9 = 20.25."""
    loss = Lsgan(-1.0, 3.0, 7.0)
    torch.testing.assert_close(loss.discriminator(REAL, FAKE), torch.tensor(54.25 / 10))
    expected = (36 + 100 + 42.25 + 49 + 25) / 10
    torch.testing.assert_close(loss.generator(FAKE), torch.tensor(expected))


@pytest.mark.parametrize(
    ("targets", "d", "g"), [((0.0, 1.0, 1.0), 0.25, 0.125), ((-1.0, 1.0, 0.0), 1.0, 0.0)]
)
def test_undecided_values(targets, d, g):
    loss = Lsgan(*targets)
    scores = torch.full((5,), loss.real_threshold)
    torch.testing.assert_close(loss.discriminator(scores, scores), torch.tensor(d))
    torch.testing.assert_close(loss.generator(scores), torch.tensor(g))


def test_minus_one_one_zero_makes_g_minimise_pearson(pair):
    """At D's optimum (p - q) / (p + q), sum over both kinds of G's loss is half of chi^2."""
    loss = Lsgan(-1.0, 1.0, 0.0)
    p, q = pair.p / pair.p.sum(), pair.q / pair.q.sum()
    optimal = (p - q) / (p + q)
    real, fake = pair.samples(optimal)
    found = loss.generator(fake) + loss.generator(real)
    chi2 = ((2 * q - (p + q)) ** 2 / (p + q)).sum()  # of P + Q from 2 Q
    assert found.item() == pytest.approx(chi2 / 2, rel=1e-12)
    rng = np.random.default_rng(3)
    best = loss.discriminator(real, fake)
    for size in (1e-3, 0.1, 3.0):
        moved = pair.samples(optimal + size * rng.standard_normal(len(p)))
        assert loss.discriminator(*moved) > best


def test_zero_one_one_is_not_pearson(pair):
    p, q = pair.p / pair.p.sum(), pair.q / pair.q.sum()
    loss = Lsgan()
    real, fake = pair.samples(p / (p + q))
    chi2 = ((2 * q - (p + q)) ** 2 / (p + q)).sum()
    found = loss.generator(fake) + loss.generator(real)
    assert abs(found.item() - chi2 / 2) > 1e-2


def test_refuses_targets_that_turn_scores_around():
    with pytest.raises(ValueError, match=r"loss\.b must be above loss\.a, got b=0\.0 and a=1\.0"):
        Lsgan(1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"loss\.a, b and c must be finite"):
        Lsgan(c=float("nan"))
