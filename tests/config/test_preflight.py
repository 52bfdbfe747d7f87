"""Combinations that defeat a method cause a warning; the published ones do not."""

import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from torch import nn

from gan_zoo.config.build import instantiate
from gan_zoo.config.compose import VERSION_BASE
from gan_zoo.config.preflight import incompatibilities, refuse_batch_norm, too_short
from gan_zoo.config.schema import TrainerSettings
from gan_zoo.losses.bce import Bce
from gan_zoo.losses.wgan import Wgan
from gan_zoo.regularizers.combined import Combined
from gan_zoo.regularizers.gradient_penalties import R1, GradientPenalty
from gan_zoo.regularizers.lecam import LeCam
from gan_zoo.regularizers.none import Unregularized
from gan_zoo.regularizers.weight_clip import WeightClip

CONF = Path(__file__).parents[2] / "conf"
PLAIN = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1))


def spectral():
    return nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(2, 3)), nn.Linear(3, 1))


def weight_normalised():
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)), nn.Linear(3, 1))


def batch_normalised():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))


@pytest.mark.parametrize(
    ("loss", "regularizer", "network", "message"),
    [
        (Wgan(), Unregularized(), PLAIN, "no lower bound"),
        (Wgan(), LeCam(), PLAIN, "no lower bound"),
        (Wgan(), Unregularized(), weight_normalised(), "no lower bound"),
        (Wgan(), Combined([WeightClip(), GradientPenalty()]), PLAIN, "work against each other"),
        (Wgan(), WeightClip(), spectral(), "clipping bounds nothing"),
    ],
)
def test_warns_of_what_defeats_a_method(loss, regularizer, network, message):
    (found,) = incompatibilities(loss, regularizer, network)
    assert re.search(message, found)
    assert re.search(r"\b[Uu]se ", found)  # the way out


@pytest.mark.parametrize("regularizer", [GradientPenalty(), R1(), Combined([LeCam(), R1()])])
def test_refuses_a_gradient_penalty_on_batch_norm(regularizer):
    with pytest.raises(ValueError, match=r"batch norm \(1\) mixes .*norm=layer"):
        refuse_batch_norm(regularizer, batch_normalised())
    refuse_batch_norm(regularizer, PLAIN)


@pytest.mark.parametrize("regularizer", [Unregularized(), LeCam(), WeightClip()])
def test_allows_batch_norm_where_no_gradient_is_penalised(regularizer):
    refuse_batch_norm(regularizer, batch_normalised())


@pytest.mark.parametrize(
    ("loss", "regularizer", "network"),
    [
        (Wgan(), WeightClip(), PLAIN),
        (Wgan(), WeightClip(), batch_normalised()),  # as in the paper
        (Wgan(), Unregularized(), spectral()),
        (Wgan(), R1(), PLAIN),
        (Bce(), Unregularized(), batch_normalised()),
        (Bce(), R1(), spectral()),
    ],
)
def test_does_not_warn_of_what_works(loss, regularizer, network):
    assert incompatibilities(loss, regularizer, network) == []


def test_warns_of_everything_at_once():
    both = Combined([WeightClip(), R1()])
    network = nn.Sequential(PLAIN, spectral())
    assert len(incompatibilities(Wgan(), both, network)) == 2


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "loss").glob("*.yaml")))
def test_every_recipe_fits_its_default_network(name):
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        config = compose("config", overrides=[f"loss={name}", "model.discriminator.width=0.05"])
    parts = {key: instantiate(config[key]) for key in ("loss", "regularizer", "model")}
    network = parts["model"]["discriminator"](image_shape=(1, 8, 8), num_classes=3)
    assert incompatibilities(parts["loss"], parts["regularizer"], network) == []


@pytest.mark.parametrize(("n_critic", "updates", "warned"), [(6, 5, True), (5, 5, False)])
def test_a_run_that_ends_before_the_first_update_of_the_generator(n_critic, updates, warned):
    found = too_short(TrainerSettings(n_critic=n_critic), updates)
    assert len(found) == warned
    assert all(
        "trainer.n_critic is 6" in message and "n_critic=5 or less" in message for message in found
    )
