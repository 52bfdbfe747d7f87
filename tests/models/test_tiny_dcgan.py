"""The tiny DCGAN: layer sizes, invalid options, and a few updates."""

import pytest
import torch
from torch import nn

from gan_zoo.config.build import build
from gan_zoo.config.compose import compose_config
from gan_zoo.models.tiny_dcgan import Discriminator, Generator
from gan_zoo.training.build import build_trainer

SHAPE = {"image_shape": (3, 28, 28), "num_classes": 1}


def sizes(network, kind, inputs):
    found = []
    for module in network.modules():
        if isinstance(module, kind):
            module.register_forward_hook(lambda _m, _i, out: found.append(tuple(out.shape[1:])))
    network(*inputs)
    return found


def test_layers_are_the_published_ones():
    """Widths of 3, 7, 14 and 28 pixels; the authors' number of parameters except in the heads."""
    generator, discriminator = Generator(**SHAPE), Discriminator(**SHAPE)
    z, images = torch.randn(2, 100), torch.randn(2, 3, 28, 28)
    assert sizes(generator, nn.ConvTranspose2d, (z, torch.zeros(2, dtype=torch.int64))) == [
        (32, 3, 3), (16, 7, 7), (8, 14, 14), (3, 28, 28),
    ]  # fmt: skip
    assert sizes(discriminator, nn.Conv2d, (images,)) == [(8, 14, 14), (16, 7, 7), (32, 3, 3)]
    weights = 9 * (100 * 32 + 32 * 16 + 16 * 8 + 8 * 3)
    assert sum(p.numel() for p in generator.parameters()) == weights + 2 * (32 + 16 + 8)
    weights = 9 * (3 * 8 + 8 * 16 + 16 * 32) + 2 * (16 + 32)
    heads = 2 * (288 + 1)
    assert sum(p.numel() for p in discriminator.parameters()) == weights + heads


@pytest.mark.parametrize("network", [Generator, Discriminator])
@pytest.mark.parametrize(
    ("options", "message"),
    [({"norm": "layer"}, "must be one of batch, none"), ({"width": 0}, "width must be above 0"),
     ({"image_shape": (3, 32, 32)}, r"tiny_dcgan needs images \(channels, 28, 28\)"),
     ({"image_shape": (2,)}, "choose model=infogan")],
)  # fmt: skip
def test_invalid_options_raise(network, options, message):
    with pytest.raises(ValueError, match=message):
        network(**{**SHAPE, **options})


def test_it_trains():
    words = ["data=stacked_mnist", "data.samples=64", "model=tiny_dcgan", "aux=none", "device=cpu",
             "trainer.batch_size=16", "trainer.epochs=1", "evaluation.extractor=none",
             "latents=normal"]  # fmt: skip
    trainer = build_trainer(build(compose_config(words)))
    for _ in range(3):
        trainer.step()
    assert all(value == value for value in trainer.collect().values())
