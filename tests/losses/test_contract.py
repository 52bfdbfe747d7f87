"""What every loss has to fulfil; a new file in conf/loss takes part by being there."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from gan_zoo.config.build import instantiate
from gan_zoo.testing.losses import CONTRACTS, FAKE, ORDER, REAL, both

CONF = Path(__file__).parents[2] / "conf" / "loss"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
AVERAGES = {"rasgan", "ralsgan", "rahinge"}  # each score against the batch mean of the other kind
PAIRS = {"rsgan", "r3gan"}  # score i of the reals against score i of the fakes


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def build(name, **changes):
    return instantiate(OmegaConf.merge(OmegaConf.load(CONF / f"{name}.yaml").loss, changes))


@pytest.fixture
def loss(name):
    return build(name)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_contract(loss, contract):
    contract(loss)


def test_there_are_losses():
    assert len(NAMES) >= 30


def test_recipe_sets_no_value_of_a_replaceable_part(name):
    """regularizer.clip, say, would be an unknown key as soon as regularizer= is another one."""
    assert set(OmegaConf.load(CONF / f"{name}.yaml")) <= {
        "defaults",
        "loss",
        "trainer",
        "model",
        "schedules",
    }


def test_recipe_file_says_what_it_is(name):
    first, *header = (CONF / f"{name}.yaml").read_text().splitlines()
    assert first == "# @package _global_"
    for topic in ("Paper:", f"Command: python run.py loss={name}", "Expect:", "Deviation"):
        assert any(line.startswith(f"# {topic}") for line in header), topic


@pytest.mark.parametrize("name", sorted(AVERAGES))
def test_averages_do_not_depend_on_the_pairing(name):
    loss = build(name)
    expected = both(loss, REAL, FAKE)
    for key, value in both(loss, REAL[ORDER], FAKE).items():
        torch.testing.assert_close(value, expected[key], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_a_batch_of_pairs_is_the_mean_of_its_halves(name):
    loss = build(name)
    whole = both(loss, REAL, FAKE)
    halves = [both(loss, REAL[s], FAKE[s]) for s in (slice(None, 4), slice(4, None))]
    for key in whole:
        expected = (halves[0][key] + halves[1][key]) / 2
        torch.testing.assert_close(whole[key], expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("objective", ["saturating", "practical"])
@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("fgan_")])
def test_both_generator_objectives_are_finite_on_large_scores(name, objective):
    loss = build(name, generator=objective)
    for size in (30.0, 88.0, 104.0, 1e3, 1e4):
        fake = torch.tensor([size, -size], requires_grad=True)
        value = loss.generator(fake)
        (gradient,) = torch.autograd.grad(value, fake)
        assert value.isfinite()
        assert gradient.isfinite().all()
        assert (gradient <= 0).all()  # G never lowers a score


def test_losses_are_frozen(loss):
    with pytest.raises(AttributeError):
        loss.real_threshold = 3.0
    with pytest.raises(AttributeError):
        loss.anything = 3.0
