"""Each contract is broken by a network that is wrong in it alone, and the error names it."""

import pytest
import torch
from torch import nn

from gan_zoo.models import mlp
from gan_zoo.testing import check_discriminator, check_generator
from gan_zoo.testing.models import DISCRIMINATOR_CONTRACTS, GENERATOR_CONTRACTS
from gan_zoo.types import CriticOutput

IMAGES = {"image_shape": (1, 4, 4), "num_classes": 3}


class Generator(mlp.Generator):
    """Correct for images: bounded."""

    def forward(self, z, labels):
        return super().forward(z, labels).tanh()


class Discriminator(mlp.Discriminator):
    """Correct."""


class NoLatent(Generator):
    def __init__(self, **options):
        super().__init__(**options)
        self.latent_dim = 0.5


class Flat(Generator):
    def forward(self, z, labels):
        return super().forward(z, labels).flatten(1)


class Unbounded(mlp.Generator):
    pass


class IdleLayer(Generator):
    def __init__(self, **options):
        super().__init__(**options)
        self.idle = nn.Linear(2, 2)


class Noisy(Generator):
    def forward(self, z, labels):
        return super().forward(z + torch.randn_like(z), labels)


class Mixing(Generator):
    def forward(self, z, labels):
        return super().forward(z - z.mean(0), labels)


class OwnSeed(Generator):
    def __init__(self, **options):
        torch.manual_seed(7)
        super().__init__(**options)


class Clocked(Generator):
    made = 0

    def __init__(self, **options):
        super().__init__(**options)
        Clocked.made += 1
        with torch.no_grad():
            self.out.bias += Clocked.made


class Stateful(Generator):
    def __init__(self, **options):
        super().__init__(**options)
        self.offset = torch.rand(())  # neither parameter nor buffer

    def forward(self, z, labels):
        return (super().forward(z, labels) + self.offset).tanh()


class Sigmoid(Discriminator):
    def forward(self, images):
        scores, logits = super().forward(images)
        return CriticOutput(scores.sigmoid(), logits)


class Column(Discriminator):
    def forward(self, images):
        scores, logits = super().forward(images)
        return CriticOutput(scores[:, None], logits)


class ScoreAlone(Discriminator):
    def forward(self, images):
        return super().forward(images).scores


class AllParameters(Discriminator):
    def adversarial_parameters(self):
        return self.parameters()


class HeadAlone(Discriminator):
    def adversarial_parameters(self):
        return self.score_head.parameters()


GENERATORS = {
    "has a latent dim": [NoLatent],
    "makes samples": [Flat, Unbounded],
    "reaches every parameter": [IdleLayer],
    "treats samples apart": [Noisy, Mixing],
    "draws its weights": [OwnSeed, Clocked],
    "resumes from its state": [Stateful],
}
DISCRIMINATORS = {
    "gives raw scores": [Sigmoid, Column, ScoreAlone],
    "names the parameters": [AllParameters, HeadAlone],
}


def pairs(table):
    return [(name, mutant) for name, found in table.items() for mutant in found]


def test_correct_networks_pass():
    check_generator(Generator, **IMAGES)
    check_generator(mlp.Generator, image_shape=(2,), num_classes=8)
    check_discriminator(Discriminator, **IMAGES)


@pytest.mark.parametrize(("contract", "mutant"), pairs(GENERATORS))
def test_a_generator_that_is_wrong(contract, mutant):
    with pytest.raises(AssertionError, match=f"{mutant.__name__} breaks the contract '{contract}"):
        check_generator(mutant, **IMAGES)


@pytest.mark.parametrize(("contract", "mutant"), pairs(DISCRIMINATORS))
def test_a_discriminator_that_is_wrong(contract, mutant):
    with pytest.raises(AssertionError, match=f"{mutant.__name__} breaks the contract '{contract}"):
        check_discriminator(mutant, **IMAGES)


def test_every_contract_has_a_mutant():
    names = {c.__name__.replace("_", " ") for c in GENERATOR_CONTRACTS + DISCRIMINATOR_CONTRACTS}
    mutants = {**GENERATORS, **DISCRIMINATORS}
    assert all(any(name.startswith(start) for start in mutants) for name in names)
    assert len(names) == len(mutants)
