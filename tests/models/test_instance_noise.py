"""Noise on what a discriminator sees in training."""

from functools import partial

import pytest
import torch

from gan_zoo.models import acgan, affine, infogan, mlp
from gan_zoo.models.discriminator import PackedDiscriminator
from gan_zoo.testing.models import DISCRIMINATOR_CONTRACTS, Built

NETWORKS = {
    "acgan": (partial(acgan.Discriminator, width=0.1, dropout=0.0), (1, 12, 12)),
    "infogan": (partial(infogan.Discriminator, width=0.1), (1, 12, 12)),
    "mlp": (mlp.Discriminator, (2,)),
    "dirac": (affine.DiracDiscriminator, (1,)),
}


def test_has_its_standard_deviation_in_training_alone():
    torch.manual_seed(0)
    images = torch.rand(100, 1, 28, 28)
    network = PackedDiscriminator(instance_noise=0.3)
    noise = network.with_noise(images) - images
    assert noise.std().item() == pytest.approx(0.3, rel=0.02)
    assert abs(noise.mean().item()) < 0.005
    torch.manual_seed(1)
    drawn = network.with_noise(images)
    torch.manual_seed(1)
    assert torch.equal(drawn, images + 0.3 * torch.randn_like(images))  # as with a number
    assert network.eval().with_noise(images) is images
    before = torch.get_rng_state()
    network.train().instance_noise = 0.0
    assert network.with_noise(images) is images
    assert torch.equal(torch.get_rng_state(), before)  # other runs draw what they drew


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("contract", DISCRIMINATOR_CONTRACTS, ids=lambda c: c.__name__)
def test_keeps_the_contracts(contract, name):
    make, shape = NETWORKS[name]
    contract(Built(partial(make, instance_noise=0.1), shape, 3))


@pytest.mark.parametrize("name", NETWORKS)
def test_changes_scores_in_training_alone(name):
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    network = make(image_shape=shape, num_classes=3, instance_noise=0.5)
    images = torch.rand(4, *shape)
    assert not torch.equal(network(images).scores, network(images).scores)
    network.eval()
    assert torch.equal(network(images).scores, network(images).scores)


@pytest.mark.parametrize("name", NETWORKS)
def test_refuses_what_is_no_standard_deviation(name):
    make, shape = NETWORKS[name]
    for noise in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"discriminator\.instance_noise must be"):
            make(image_shape=shape, num_classes=3, instance_noise=noise)
