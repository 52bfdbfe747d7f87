"""Real images have the higher Parzen log-likelihood, then a trained GAN's, then noise."""

import torch

from benchmarks.subjects import trainer
from gan_zoo.data.batches import normalise
from gan_zoo.data.mnist import load_mnist
from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.metrics.parzen import parzen

COUNT = 1000


def test_real_then_trained_then_noise():
    small = trainer(
        "loss=bce", "model=mlp", "model.generator.latent_dim=20", "aux=none",
        "trainer.batch_size=20", "trainer.generator_batch_size=20", "trainer.ema_decay=0.98",
        "optimizer.generator.lr=1e-3", "optimizer.discriminator.lr=1e-3",
    )  # fmt: skip
    digits = load_mnist()

    def pixels(images):
        return (images.flatten(1).double() + 1) / 2

    def some(split, name):
        order = torch.randperm(len(split.labels), generator=stream(0, name))[:COUNT]
        return pixels(normalise(split.images[order]))

    validation, test = some(digits.validation, "validation"), some(digits.test, "test")

    def score(samples):
        return parzen(samples, validation, test).mean

    for _ in range(300):  # four seeds then have from -90 to -71; real has 119 and noise -635
        small.step()
    z, labels = small.draw(COUNT, stream(1, "z"))
    with torch.no_grad():
        trained = score(pixels(small.ema(z, labels)))
    noise = score(torch.rand(COUNT, 784, generator=stream(0, "noise")).double())
    real = score(some(digits.train, "train"))
    assert real > trained > noise
    assert real - trained < trained - noise  # nearer to digits than to noise
