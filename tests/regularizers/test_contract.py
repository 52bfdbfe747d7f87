"""What every regularizer has to fulfil; the files in conf/regularizer decide who takes part."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from gan_zoo.config.build import instantiate
from gan_zoo.regularizers.lecam import LeCam
from gan_zoo.testing import check_regularizer
from gan_zoo.testing.regularizers import CONTRACTS

CONF = Path(__file__).parents[2] / "conf" / "regularizer"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
ACTIVE = {  # those that penalise from the first step on
    "approx_r1",
    "approx_r1_r2",
    "approx_r2",
    "dragan",
    "gradient_penalty",
    "lipschitz_penalty",
    "r1",
    "r1_lecam",
    "r1_r2",
    "r2",
    "wgan_div",
    "zero_centered_penalty",
}
FIRST_ORDER = {"none", "weight_clip", "lecam"}  # those that take no gradient by the images


def build(name):
    return instantiate(OmegaConf.load(CONF / f"{name}.yaml"))


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def regularizer(name):
    return build(name)


def test_all_are_sorted_in():
    assert set(NAMES) == ACTIVE | FIRST_ORDER


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_contract(regularizer, contract):
    contract(regularizer)


def test_lecam_is_held_to_the_contracts_when_it_has_set_in():
    check_regularizer(LeCam(start=0), has_constants=True)


def test_penalty_costs_from_the_first_step_on(name, regularizer, curved, real, fake, take_step):
    penalty = regularizer.penalty(curved, take_step(curved, real, fake))
    assert (penalty.item() > 0) == (name in ACTIVE)
    waits = name == "lecam"  # it decides on the device, so that its penalty of 0 has a graph
    assert penalty.requires_grad == (name in ACTIVE or waits)


def test_facts_agree_with_what_is_done(name, regularizer, curved, real, fake, take_step):
    assert regularizer.penalises_gradients == (name not in FIRST_ORDER)
    exact = regularizer.penalises_gradients and not name.startswith("approx_")
    assert regularizer.differentiates_twice == exact
    assert regularizer.constrains_weights == (name == "weight_clip")
    regularizer.penalty(curved, take_step(curved, real, fake))
    assert len(curved.seen) == (
        name in ACTIVE and not regularizer.needs_image_gradients
    )  # at most one forward pass of its own


def test_randomness_comes_from_the_steps_generator(regularizer, curved, real, fake, take_step):
    first, other = (
        regularizer.penalty(curved, take_step(curved, real, fake, seed)).item() for seed in (1, 2)
    )
    draws = not regularizer.needs_image_gradients and first > 0
    assert (first != other) == draws
