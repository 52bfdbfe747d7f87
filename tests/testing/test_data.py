"""Each contract is broken by a data set that is wrong in it alone, and the error names it."""

import pytest
import torch

from gan_zoo.data.dataset import hold_out
from gan_zoo.data.random_streams import stream
from gan_zoo.testing import check_data
from gan_zoo.testing.data import CONTRACTS
from gan_zoo.types import Split


def drawn(rng, labels=None, scale=1.0):
    labels = torch.arange(60) % 3 if labels is None else labels
    parts = [Split(scale * torch.randn(60, 2, generator=rng), labels) for _ in range(2)]
    return hold_out("mine", 3, *parts)


def right():
    return drawn(stream(0, "mine"))


def nothing():
    return None


def infinite():
    return drawn(stream(0, "mine"), scale=torch.inf)


def lacks_a_class():
    return drawn(stream(0, "mine"), labels=torch.arange(60) % 2)


def global_draws():
    return drawn(None)


def another_each_time():
    return drawn(torch.Generator().manual_seed(torch.Generator().seed() % 2**62))


MUTANTS = {
    "is a data set": [nothing, infinite],
    "has samples of every class": [lacks_a_class],
    "is the same each time": [global_draws, another_each_time],
}


def test_a_correct_data_set_passes():
    check_data(right)


@pytest.mark.parametrize(
    ("contract", "mutant"), [(name, mutant) for name, found in MUTANTS.items() for mutant in found]
)
def test_the_error_names_the_broken_contract(contract, mutant):
    with pytest.raises(AssertionError, match=f"{mutant.__name__} breaks the contract '{contract}"):
        check_data(mutant)


def test_every_contract_has_a_mutant():
    assert len(CONTRACTS) == len(MUTANTS)
