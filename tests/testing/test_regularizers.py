"""Each contract is broken by a regularizer that is wrong in it alone, and the error names it."""

from copy import deepcopy

import pytest
import torch

from gan_zoo.losses.base import as_scores
from gan_zoo.regularizers.base import Penalty
from gan_zoo.regularizers.combined import Combined
from gan_zoo.regularizers.gradient_penalties import R1, gradients_at, input_gradients
from gan_zoo.regularizers.lecam import LeCam
from gan_zoo.regularizers.weight_clip import WeightClip
from gan_zoo.testing import check_regularizer
from gan_zoo.testing.regularizers import CONTRACTS


class Mutant(Penalty):
    """Correct: R1."""

    needs_image_gradients = True
    penalises_gradients = True

    def penalty(self, discriminator, step):
        (gradients,) = input_gradients(step.real_scores, [step.real.images])
        return gradients.square().sum(1).mean()


class NoFacts:
    def penalty(self, discriminator, step):
        raise NotImplementedError


class HalfPrecision(Mutant):
    def penalty(self, discriminator, step):
        return super().penalty(discriminator, step).to(step.real_scores.dtype)


class PerSample(Mutant):
    def penalty(self, discriminator, step):
        (gradients,) = input_gradients(step.real_scores, [step.real.images])
        return gradients.square().sum(1)


class HidesItsNeed(Mutant):
    needs_image_gradients = False


class NeedsNothing(Penalty):
    needs_image_gradients = True

    def penalty(self, discriminator, step):
        return as_scores(step.real_scores).square().mean()


class HidesItsSecondDerivative(Mutant):
    differentiates_twice = False


class Detached(Mutant):
    def penalty(self, discriminator, step):
        return super().penalty(discriminator, step).detach()


class HalfDetached(Mutant):
    def penalty(self, discriminator, step):
        right = super().penalty(discriminator, step)
        return right * right.detach()


class NoSlopeAtZero(Mutant):
    def penalty(self, discriminator, step):
        return super().penalty(discriminator, step).sqrt()


class GlobalDraws(Mutant):
    needs_image_gradients = False

    def penalty(self, discriminator, step):
        images = step.real.images.detach()
        noise = torch.rand(images.shape, dtype=images.dtype)
        return gradients_at(discriminator, images + noise).square().sum(1).mean()


class Backward(Mutant):
    """Correct but for the gradients that its own backward() leaves."""

    def penalty(self, discriminator, step):
        right = super().penalty(discriminator, step)
        right.backward(retain_graph=True)
        return right


class Steps(Mutant):
    def penalty(self, discriminator, step):
        right = super().penalty(discriminator, step)
        with torch.no_grad():
            for parameter in discriminator.parameters():
                parameter += 1e-6
        return right


class PointsAlone(Mutant):
    """A norm over the second dimension, for images that of the channels, alone."""

    def penalty(self, discriminator, step):
        (gradients,) = torch.autograd.grad(
            step.real_scores.sum(), [step.real.images], create_graph=True
        )
        wide = torch.promote_types(gradients.dtype, torch.float32)
        return (gradients.to(wide).norm(dim=1) - 1).square().mean()


class Shrinks(WeightClip):
    """Not a projection: twice differs from once."""

    def constrain(self, discriminator):
        with torch.no_grad():
            for parameter in discriminator.adversarial_parameters():
                parameter.mul_(0.5)


class ClipsAll(WeightClip):
    def constrain(self, discriminator):
        with torch.no_grad():
            for parameter in discriminator.parameters():
                parameter.clamp_(-self.clip, self.clip)


class ClipsInSecret(WeightClip):
    constrains_weights = False


class Amnesiac(Mutant):
    """A weight that grows with every update, without a state."""

    def __init__(self):
        self.updates = 0

    def penalty(self, discriminator, step):
        self.updates += 1
        return self.updates * super().penalty(discriminator, step)


MUTANTS = {
    "has every part": [NoFacts],
    "gives a finite scalar": [HalfPrecision, PerSample],
    "needs image gradients": [HidesItsNeed, NeedsNothing],
    "differentiates twice": [HidesItsSecondDerivative],
    "has a gradient if it costs": [Detached],
    "has exact gradients": [HalfDetached],
    "is finite where the critic is flat": [NoSlopeAtZero],
    "draws from the stream": [GlobalDraws],
    "has no side effects": [Backward, Steps],
    "takes images of any shape": [PointsAlone],
    "constrains weights": [Shrinks, ClipsAll, ClipsInSecret],
    "saves its state": [Amnesiac],
}


def test_correct_regularizers_pass_unchanged():
    for regularizer in (Mutant(), R1(), WeightClip(), Combined([R1(), WeightClip()])):
        check_regularizer(regularizer)
    memory = LeCam(start=0)
    before = deepcopy(memory)
    check_regularizer(memory, has_constants=True)
    assert memory == before


@pytest.mark.parametrize(
    ("contract", "mutant"), [(name, mutant) for name, found in MUTANTS.items() for mutant in found]
)
def test_the_error_names_the_broken_contract(contract, mutant):
    with pytest.raises(AssertionError, match=f"breaks the contract '{contract}"):
        check_regularizer(mutant())


def test_constants_are_refused_unless_allowed():
    with pytest.raises(AssertionError, match="LeCam breaks the contract 'has exact gradients'"):
        check_regularizer(LeCam(start=0))


def test_every_contract_has_a_mutant():
    names = [contract.__name__.replace("_", " ") for contract in CONTRACTS]
    assert all(any(name.startswith(start) for start in MUTANTS) for name in names)
    assert len(names) == len(MUTANTS)
