"""InfoGAN's networks against themselves with torch's own convolutions."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gan_zoo.models.infogan import DISCRIMINATOR_NORMS, GENERATOR_NORMS, Discriminator, Generator
from gan_zoo.models.layers import ImageConv2d, ImageConvTranspose2d

PLAIN = {ImageConv2d: nn.Conv2d.forward, ImageConvTranspose2d: nn.ConvTranspose2d.forward}


def both(network):
    """A network, and a copy whose image layers compute as torch's do."""
    plain = copy.deepcopy(network)
    replaced = [module for module in plain.modules() if isinstance(module, tuple(PLAIN))]
    assert len(replaced) == 1
    (layer,) = replaced
    kind = next(kind for kind in PLAIN if isinstance(layer, kind))
    layer.forward = PLAIN[kind].__get__(layer)
    return network, plain


@pytest.mark.parametrize("norm", DISCRIMINATOR_NORMS)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 4, 12)])
def test_a_penalised_discriminator_has_the_gradients_of_its_plain_form(norm, shape):
    torch.manual_seed(0)
    discriminator = Discriminator(image_shape=shape, num_classes=3, width=0.1, norm=norm)
    x = torch.randn(4, *shape, dtype=torch.float64, requires_grad=True)
    found = []
    for network in both(discriminator.double()):
        output = network(x)
        (slope,) = torch.autograd.grad(output.scores.sum(), x, create_graph=True)
        loss = (slope.flatten(1).norm(dim=1) - 1).square().mean() + output.class_logits.exp().mean()
        parameters = list(network.parameters())
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        found.append([*output, slope, *gradients, network.eval()(x).scores])
    for ours, theirs in zip(*found, strict=True):
        assert_close(ours, theirs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("norm", GENERATOR_NORMS)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 4, 12)])
def test_a_generator_has_the_gradients_of_its_plain_form(norm, shape):
    torch.manual_seed(0)
    generator = Generator(image_shape=shape, num_classes=3, width=0.1, norm=norm).double()
    z, labels = torch.randn(5, 100, dtype=torch.float64), torch.arange(5) % 3
    found = []
    for network in both(generator):
        images = network(z, labels)
        gradients = torch.autograd.grad(images.pow(3).sum(), list(network.parameters()))
        found.append([images, *gradients, network.eval()(z, labels)])
    for ours, theirs in zip(*found, strict=True):
        assert_close(ours, theirs, rtol=1e-8, atol=1e-10)
