"""Each contract is broken by a metric that is wrong in it alone, and the error names it."""

import math
from functools import partial

import pytest
import torch

from gan_zoo.evaluation.metrics.checks import finite_double, same_width
from gan_zoo.evaluation.metrics.kid import kid
from gan_zoo.testing import check_metric
from gan_zoo.testing.metrics import CONTRACTS


def gap(real, fake):
    """Correct: the distance of the means."""
    real, fake = finite_double("real", real), finite_double("fake", fake)
    same_width(real, fake, ("real", "fake"))
    return float((real.mean(0) - fake.mean(0)).norm())


def as_tensor(real, fake):
    return torch.tensor(gap(real, fake))


def not_a_number(real, fake):
    return gap(real, fake) * math.nan


def random(real, fake):
    return gap(real, fake) + float(torch.rand(()))


def in_place(real, fake):
    result = gap(real, fake)
    with torch.no_grad():
        fake += 1
    return result


def by_numpy(real, fake):
    fake.numpy()  # refuses what requires a gradient
    return gap(real, fake)


def first_row(real, fake):
    return gap(real, fake) + float(fake[0, 0].detach().double())


def single_of_single(real, fake):
    gap(real, fake)
    return float((real.mean(0) - fake.mean(0)).detach().norm())


def blind_to_infinity(real, fake):
    return gap(real.nan_to_num(), fake)


def nameless(real, fake):
    try:
        return gap(real, fake)
    except ValueError:
        raise ValueError("bad input") from None


def broadcasting(real, fake):
    real, fake = (finite_double(name, x) for name, x in (("real", real), ("fake", fake)))
    return float(real.mean() - fake.mean())


MUTANTS = {
    "gives finite numbers": [as_tensor, not_a_number],
    "gives the same each time": [random],
    "does not change its inputs": [in_place],
    "needs no graph": [by_numpy],
    "takes samples in any order": [first_row],
    "computes float32 in float64": [single_of_single],
    "refuses what is not finite": [blind_to_infinity, nameless],
    "refuses shapes": [broadcasting],
}


def mean_logit(logits):
    return float(finite_double("logits", logits).mean())


def test_a_correct_metric_passes():
    check_metric(gap)
    check_metric(kid)
    check_metric(mean_logit, {"logits": torch.linspace(-1, 1, 60).view(20, 3)})
    check_metric(partial(lambda real, fake, scale: scale * gap(real, fake), scale=2.0))


@pytest.mark.parametrize(
    ("contract", "mutant"), [(name, mutant) for name, found in MUTANTS.items() for mutant in found]
)
def test_the_error_names_the_broken_contract(contract, mutant):
    with pytest.raises(AssertionError, match=f"{mutant.__name__} breaks the contract '{contract}"):
        check_metric(mutant)


def test_every_contract_has_a_mutant():
    names = [contract.__name__.replace("_", " ") for contract in CONTRACTS]
    assert all(any(name.startswith(start) for start in MUTANTS) for name in names)
    assert len(names) == len(MUTANTS)
