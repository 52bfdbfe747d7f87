"""Each contract is broken by a loss that is wrong in it alone, and the error names it."""

import math

import pytest
import torch

from gan_zoo.losses.base import Loss
from gan_zoo.losses.bce import Bce
from gan_zoo.losses.relativistic import RsGan
from gan_zoo.losses.wgan import Wgan
from gan_zoo.testing import check_loss
from gan_zoo.testing.losses import CONTRACTS


class Mutant(Loss):
    """Correct: sigmoid cross-entropy."""

    right = Bce()

    def discriminator(self, real, fake):
        return self.right.discriminator(real, fake)

    def generator(self, fake, real=None):
        return self.right.generator(fake)


class NoThreshold:
    def discriminator(self, real, fake):
        raise NotImplementedError


class PerSample(Mutant):
    def generator(self, fake, real=None):
        return torch.nn.functional.softplus(-fake)


class HalfPrecision(Mutant):
    def generator(self, fake, real=None):
        loss = self.right.generator(fake)
        return loss.to(fake.dtype)


class UpsideDown(Mutant):
    def discriminator(self, real, fake):
        return self.right.discriminator(-real, -fake)


class Shifted(Mutant):
    real_threshold = 0.1


class Ordered(Mutant):
    def generator(self, fake, real=None):
        return self.right.generator(fake) - 1e-3 * fake[0]


class Summed(Mutant):
    def generator(self, fake, real=None):
        return len(fake) * self.right.generator(fake)


class Broadcasting(Mutant):
    def discriminator(self, real, fake):
        wide = torch.promote_types(real.dtype, torch.float32)
        logsigmoid = torch.nn.functional.logsigmoid
        return -(logsigmoid(real.to(wide)) + logsigmoid(-fake.to(wide))).mean()


class SecretlyRelativistic(Mutant):
    def generator(self, fake, real=None):
        return RsGan().generator(fake, real)

    needs_real_in_generator_step = False


class IndifferentToReals(Mutant):
    needs_real_in_generator_step = True

    def generator(self, fake, real=None):
        RsGan().generator(fake, real)
        return self.right.generator(fake)


class Overflowing(Mutant):
    """log(1 + exp(-x)) as written, in float32 at least."""

    def generator(self, fake, real=None):
        self.right.generator(fake)
        return (1 + (-fake.to(torch.promote_types(fake.dtype, torch.float32))).exp()).log().mean()


class Autocasting(Mutant):
    """Correct but for autocast, where its matrix product has 8 bits."""

    def generator(self, fake, real=None):
        terms = torch.nn.functional.logsigmoid(
            fake.to(torch.promote_types(fake.dtype, torch.float32))
        )
        self.right.generator(fake)
        return (-terms @ torch.full_like(terms, 1 / len(terms))).squeeze()


class WrongGradient(Mutant):
    def generator(self, fake, real=None):
        loss = self.right.generator(fake)
        return loss + 1e-3 * (fake - fake.detach()).to(loss.dtype).mean()


class Drifting(Mutant):
    """An offset that depends on earlier scores."""

    def __init__(self):
        self.mean = 0.0

    def discriminator(self, real, fake):
        return self.right.discriminator(real, fake) + self.mean

    def generator(self, fake, real=None):
        if real is not None and fake.abs().max() == 12 and fake.dtype == torch.float64:
            self.mean = 1.0
        return self.right.generator(fake)


class WrongRange(Mutant):
    divergence_range = (0.0, math.log(2))  # of Jensen-Shannon; -L_D is 2 JS - 2 log 2


class TooNarrow(Mutant):
    divergence_range = (-2 * math.log(2), -0.1)


MUTANTS = {
    "has every part": [NoThreshold, Mutant],
    "gives scalars": [PerSample],
    "computes half types": [HalfPrecision],
    "pulls apart": [UpsideDown],
    "is undecided": [Shifted],
    "takes a batch in any order": [Ordered],
    "averages over the batch": [Summed],
    "refuses shapes": [Broadcasting],
    "needs the reals": [IndifferentToReals],
    "is finite on large scores": [Overflowing],
    "learns under autocast": [Autocasting],
    "has exact gradients": [WrongGradient],
    "has no state": [Drifting],
    "estimates within": [WrongRange, TooNarrow],
}


@pytest.mark.parametrize("loss", [Mutant(), Bce(), Wgan(), RsGan()])
def test_a_correct_loss_passes(loss):
    check_loss(loss)


@pytest.mark.parametrize(
    ("contract", "mutant"), [(name, mutant) for name, found in MUTANTS.items() for mutant in found]
)
def test_the_error_names_the_broken_contract(contract, mutant):
    subject = mutant if contract == "has every part" else mutant()
    with pytest.raises(AssertionError, match=f"breaks the contract '{contract}"):
        check_loss(subject)


def test_a_relativistic_loss_must_say_so():
    with pytest.raises(AssertionError, match="SecretlyRelativistic breaks the contract"):
        check_loss(SecretlyRelativistic())


def test_every_contract_has_a_mutant():
    names = [contract.__name__.replace("_", " ") for contract in CONTRACTS]
    assert all(any(name.startswith(start) for start in MUTANTS) for name in names)
    assert len(names) == len(MUTANTS)
