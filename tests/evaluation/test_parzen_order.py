"""Real images have the higher Parzen log-likelihood, then a trained GAN's, then noise."""

import torch

from gan_zoo.data.batches import normalise
from gan_zoo.data.mnist import load_mnist
from gan_zoo.experiment import build_trainer
from gan_zoo.metrics.parzen import parzen
from gan_zoo.seeding import stream
from tests.test_recipes import parts_of

COUNT = 1000


def test_real_then_trained_then_noise():
    parts = parts_of(
        "loss=bce", "model.generator.width=0.05", "model.discriminator.width=0.1",
        "trainer.max_steps=null", "trainer.batch_size=50", "trainer.generator_batch_size=50",
    )  # fmt: skip
    trainer = build_trainer(parts)
    digits = load_mnist()

    def pixels(images):
        return (images.flatten(1).double() + 1) / 2

    def some(split, name):
        order = torch.randperm(len(split.labels), generator=stream(0, name))[:COUNT]
        return pixels(normalise(split.images[order]))

    validation, test = some(digits.validation, "validation"), some(digits.test, "test")

    def score(samples):
        return parzen(samples, validation, test).mean

    for _ in range(400):  # at 250 rounding decides how near; by now it is -72 or -77, not -258
        trainer.step()
    trained = score(pixels(trainer.fakes(COUNT, stream(1, "z")).images))
    noise = score(torch.rand(COUNT, 784, generator=stream(0, "noise")).double())
    real = score(some(digits.train, "train"))
    assert real > trained > noise
    assert real - trained < trained - noise  # nearer to digits than to noise
