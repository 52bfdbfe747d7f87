"""LeCam: the averages, the start, the penalty, and resuming."""

import json

import pytest
import torch

from gan_zoo.regularizers.lecam import LeCam
from gan_zoo.types import Batch, CriticStep


def step(real, fake):
    nothing = Batch(torch.zeros(5, 2), torch.zeros(5, dtype=torch.int64))
    return CriticStep(nothing, nothing, real, fake, torch.Generator())


def scores(*values):
    return torch.tensor(values, requires_grad=True)


FIRST = (scores(1.0, 2.0, 3.0, -1.0, 0.0), scores(-2.0, 0.5, 1.5, 2.0, -1.0))  # means 1, 0.2
SECOND = (scores(5.0, 0.0, 1.0, 2.0, 2.0), scores(-1.0, 1.0, 3.0, 0.0, -1.0))  # means 2, 0.4


def test_penalty_is_the_squared_excess_over_the_other_kinds_average(linear):
    """One update from the start: averages are the batch's means, 1 and 0.2.

    Reals exceed 0.2 by 0.8, 1.8, 2.8, 0, 0; fakes miss 1 by 3, 0.5, 0, 0, 2.
    """
    penalty = LeCam(weight=0.5, decay=0.9, start=0).penalty(linear([1.0]), step(*FIRST))
    expected = 0.5 * ((0.64 + 3.24 + 7.84) / 5 + (9 + 0.25 + 4) / 5)
    assert penalty.item() == pytest.approx(expected, rel=1e-6)


def test_averages_decay_once_it_has_started(linear):
    regularizer = LeCam(weight=1.0, decay=0.9, start=0)
    for scores_now in (FIRST, SECOND):
        penalty = regularizer.penalty(linear([1.0]), step(*scores_now))
    real_mean, fake_mean = 0.9 * 1 + 0.1 * 2, 0.9 * 0.2 + 0.1 * 0.4
    state = regularizer.state_dict()
    assert state["mean_real"] == pytest.approx(real_mean, rel=1e-6)
    assert state["mean_fake"] == pytest.approx(fake_mean, rel=1e-6)
    real, fake = (x.detach() for x in SECOND)
    expected = (real - fake_mean).relu().square().mean() + (real_mean - fake).relu().square().mean()
    torch.testing.assert_close(penalty, expected)


def test_before_the_start_it_only_watches(linear):
    regularizer = LeCam(decay=0.9, start=2)
    penalty = regularizer.penalty(linear([1.0]), step(*FIRST))
    assert penalty.item() == 0
    assert not any(gradient.any() for gradient in torch.autograd.grad(penalty, FIRST))
    assert regularizer.penalty(linear([1.0]), step(*SECOND)).item() == 0
    state = regularizer.state_dict()
    assert (state["mean_real"], state["mean_fake"]) == pytest.approx((2.0, 0.4))
    assert regularizer.penalty(linear([1.0]), step(*FIRST)).item() > 0


def test_averages_carry_no_gradient(linear):
    """Only the distance moves: d/dr_i = 2 weight (r_i - m_fake) / 5 for those above."""
    real, fake = FIRST
    penalty = LeCam(weight=1.0, start=0).penalty(linear([1.0]), step(real, fake))
    on_real, on_fake = torch.autograd.grad(penalty, (real, fake))
    torch.testing.assert_close(on_real, 2 / 5 * (real.detach() - 0.2).relu())
    torch.testing.assert_close(on_fake, -2 / 5 * (1 - fake.detach()).relu())


def test_a_resumed_one_continues_bit_for_bit(linear):
    straight, resumed = (LeCam(decay=0.9, start=0) for _ in range(2))
    for regularizer in (straight, resumed):
        regularizer.penalty(linear([1.0]), step(*FIRST))
    saved = json.loads(json.dumps(resumed.state_dict()))
    resumed = LeCam(decay=0.9, start=0)
    resumed.load_state_dict(saved)
    for scores_now in (SECOND, FIRST, SECOND):
        values = [r.penalty(linear([1.0]), step(*scores_now)) for r in (straight, resumed)]
        assert torch.equal(values[0], values[1])
    assert straight.state_dict() == resumed.state_dict()


@pytest.mark.parametrize(
    ("values", "message"),
    [({"weight": 0.0}, "weight"), ({"decay": 1.0}, "decay"), ({"start": -1}, "start")],
)
def test_refuses_values_out_of_range(values, message):
    with pytest.raises(ValueError, match=rf"regularizer\.{message} must be"):
        LeCam(**values)
