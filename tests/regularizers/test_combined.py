"""Several regularizers at once: sums, both halves, one state."""

import pytest
import torch

from gan_zoo.regularizers.combined import Combined
from gan_zoo.regularizers.gradient_penalties import R1, GradientPenalty
from gan_zoo.regularizers.lecam import LeCam
from gan_zoo.regularizers.none import Unregularized
from gan_zoo.regularizers.weight_clip import WeightClip


def test_penalties_add_up(linear, real, fake, take_step):
    critic = linear([1.0, -2.0, 2.0])
    both = Combined([R1(2.0), GradientPenalty(10.0)])
    found = both.penalty(critic, take_step(critic, real, fake))
    assert found.item() == pytest.approx(9 + 10 * 4, rel=1e-12)


def test_constraints_are_all_enforced(linear):
    critic = linear([1.0, -2.0, 0.01])
    Combined([R1(), WeightClip(0.5), WeightClip(0.7)]).constrain(critic)
    expected = torch.tensor([0.5, -0.5, 0.01], dtype=torch.float64)
    assert torch.equal(critic.score.w.detach(), expected)


@pytest.mark.parametrize(
    "fact", ["needs_image_gradients", "penalises_gradients", "differentiates_twice"]
)
def test_a_fact_holds_if_it_holds_for_a_part(fact):
    assert getattr(Combined([WeightClip(), R1()]), fact)
    assert not getattr(Combined([WeightClip(), Unregularized()]), fact)


def test_constrains_weights_if_a_part_does():
    assert Combined([R1(), WeightClip()]).constrains_weights
    assert not Combined([R1(), Unregularized()]).constrains_weights


def test_each_part_gets_its_own_state_back(curved, real, fake, take_step):
    saved = Combined([LeCam(decay=0.5, start=0), R1(), LeCam(decay=0.9, start=0)])
    for points in (real, 2 * real):
        saved.penalty(curved, take_step(curved, points, fake))
    resumed = Combined([LeCam(decay=0.5, start=0), R1(), LeCam(decay=0.9, start=0)])
    resumed.load_state_dict(saved.state_dict())
    for before, after in zip(saved.parts, resumed.parts, strict=True):
        assert before.state_dict() == after.state_dict()
    assert saved.parts[0].state_dict() != saved.parts[2].state_dict()


def test_a_foreign_state_is_refused(linear):
    state = Combined([LeCam(), R1()]).state_dict()
    with pytest.raises(ValueError, match="does not belong to R1"):
        Combined([R1(), LeCam()]).load_state_dict(state)


def test_one_is_not_a_combination():
    with pytest.raises(ValueError, match=r"regularizer\.parts must have at least 2 .*got 1"):
        Combined([R1()])
