"""What every data set has to fulfil; those that are downloaded have tests of their own."""

from functools import partial

import pytest

from gan_zoo.data import toys
from gan_zoo.data.mnist import load_mnist
from gan_zoo.data.one_batch import one_batch
from gan_zoo.testing.data import CONTRACTS

LOADERS = {
    "mnist": load_mnist,
    "one_batch": lambda: one_batch(load_mnist(), 64, 3),
    **{
        load.__name__: partial(load, samples=1200)
        for load in (
            toys.ring,
            toys.grid,
            toys.gaussian_mixture_1d,
            toys.swiss_roll,
            toys.dirac,
            toys.two_clusters,
            toys.parallel_lines,
        )
    },
}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
@pytest.mark.parametrize("name", LOADERS)
def test_contract(name, contract):
    contract(LOADERS[name])
