"""What every generator and discriminator has to fulfil, for images and for points."""

from functools import partial

import pytest

from gan_zoo.models import acgan, affine, infogan, mlp, tiny_dcgan
from gan_zoo.testing.models import DISCRIMINATOR_CONTRACTS, GENERATOR_CONTRACTS, Built

IMAGES, POINTS, LINE = (1, 28, 28), (2,), (1,)
GENERATORS = {
    "acgan": Built(partial(acgan.Generator, width=0.03), IMAGES, 10),
    "acgan colour": Built(partial(acgan.Generator, width=0.03), (3, 32, 32), 10),
    "infogan": Built(infogan.Generator, IMAGES, 10),
    "infogan colour": Built(partial(infogan.Generator, width=0.1, norm="layer"), (3, 32, 32), 10),
    "infogan plain": Built(partial(infogan.Generator, width=0.1, norm="none"), (1, 12, 20), 3),
    "mlp": Built(mlp.Generator, POINTS, 8),
    "tiny_dcgan": Built(tiny_dcgan.Generator, (3, 28, 28), 1),
    "affine": Built(affine.AffineGenerator, LINE, 2),
    "dirac": Built(affine.DiracGenerator, LINE, 1),
    "line": Built(affine.LineGenerator, POINTS, 1),
}
DISCRIMINATORS = {
    "acgan": Built(partial(acgan.Discriminator, width=0.1), IMAGES, 10),
    "acgan spectral": Built(
        partial(acgan.Discriminator, width=0.1, norm="spectral"), (1, 12, 12), 3
    ),
    "infogan": Built(infogan.Discriminator, IMAGES, 10),
    "infogan colour": Built(partial(infogan.Discriminator, norm="none"), (3, 32, 32), 10),
    "infogan spectral": Built(partial(infogan.Discriminator, norm="spectral"), (1, 12, 20), 3),
    "tiny_dcgan": Built(partial(tiny_dcgan.Discriminator, norm="none"), (1, 28, 28), 10),
    "mlp": Built(mlp.Discriminator, POINTS, 8),
    "mlp spectral": Built(partial(mlp.Discriminator, norm="spectral"), POINTS, 8),
    "dirac": Built(affine.DiracDiscriminator, LINE, 1),
}


@pytest.mark.parametrize("contract", GENERATOR_CONTRACTS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("name", GENERATORS)
def test_generator(name, contract):
    contract(GENERATORS[name])


@pytest.mark.parametrize("contract", DISCRIMINATOR_CONTRACTS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_discriminator(name, contract):
    contract(DISCRIMINATORS[name])
