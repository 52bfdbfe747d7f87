"""The Keras example's AC-GAN in Keras 3, built and trained as in the original.

Run by a Python that has Keras and TensorFlow; it takes turns with the others (see
``benchmarks.turns``).  Needs neither torch nor gan_zoo.
"""

import keras
import numpy as np
from keras import layers

BATCH, GENERATOR_BATCH, LATENT = 100, 200, 100
GLOROT = {"kernel_initializer": "glorot_normal"}
RNG = np.random.default_rng(0)


def build_generator() -> keras.Model:
    """Latent and class to an image."""
    cnn = keras.Sequential([
        layers.Input((LATENT,)),
        layers.Dense(1024, activation="relu"),
        layers.Dense(128 * 7 * 7, activation="relu"),
        layers.Reshape((7, 7, 128)),
        layers.UpSampling2D((2, 2)),
        layers.Conv2D(256, 5, padding="same", activation="relu", **GLOROT),
        layers.UpSampling2D((2, 2)),
        layers.Conv2D(128, 5, padding="same", activation="relu", **GLOROT),
        layers.Conv2D(1, 2, padding="same", activation="tanh", **GLOROT),
    ])  # fmt: skip
    latent, label = layers.Input((LATENT,)), layers.Input((1,), dtype="int32")
    embedded = layers.Flatten()(layers.Embedding(10, LATENT)(label))
    return keras.Model([latent, label], cnn(layers.multiply([latent, embedded])))


def build_discriminator() -> keras.Model:
    """Image to probability of being real and class probabilities."""
    cnn = keras.Sequential([layers.Input((28, 28, 1))])
    for filters, stride in ((32, 2), (64, 1), (128, 1), (256, 1)):
        cnn.add(layers.Conv2D(filters, 3, padding="same", strides=stride))
        cnn.add(layers.LeakyReLU(negative_slope=0.3))
        cnn.add(layers.Dropout(0.3))
    cnn.add(layers.Flatten())
    image = layers.Input((28, 28, 1))
    features = cnn(image)
    real = layers.Dense(1, activation="sigmoid", name="generation")(features)
    kind = layers.Dense(10, activation="softmax", name="auxiliary")(features)
    return keras.Model(image, [real, kind])


class Training:
    """One iteration: D on a mixed batch, then G through the frozen D."""

    def __init__(self) -> None:
        losses = ["binary_crossentropy", "sparse_categorical_crossentropy"]
        self.discriminator, self.generator = build_discriminator(), build_generator()
        self.discriminator.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), losses)
        self.images = RNG.uniform(-1, 1, (6000, 28, 28, 1)).astype("float32")
        self.labels = RNG.integers(0, 10, (6000, 1))
        self._train_discriminator()  # what it trains is fixed at its first batch, before the freeze
        self.discriminator.trainable = False
        latent, label = layers.Input((LATENT,)), layers.Input((1,), dtype="int32")
        outputs = self.discriminator(self.generator([latent, label]))
        self.combined = keras.Model([latent, label], outputs)
        self.combined.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), losses)

    def step(self) -> None:
        """D's and G's update."""
        self._train_discriminator()
        z, labels = self._draw(GENERATOR_BATCH)
        self.combined.train_on_batch([z, labels], [np.ones((GENERATOR_BATCH, 1)), labels])

    def _train_discriminator(self) -> None:
        chosen = RNG.integers(0, len(self.images), BATCH)
        z, labels = self._draw(BATCH)
        fakes = self.generator.predict_on_batch([z, labels])
        images = np.concatenate([self.images[chosen], fakes])
        truth = np.concatenate([np.ones((BATCH, 1)), np.zeros((BATCH, 1))])
        classes = np.concatenate([self.labels[chosen], labels])
        self.discriminator.train_on_batch(images, [truth, classes])

    def _draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        z = RNG.uniform(-1, 1, (count, LATENT)).astype("float32")
        return z, RNG.integers(0, 10, (count, 1))


def check(training: Training) -> None:
    """Each step moves its own network and only that: a benchmark of anything else is worthless."""
    networks = (training.discriminator, training.generator)

    def moved(step) -> list[bool]:  # type: ignore[no-untyped-def]
        before = [[np.array(w) for w in network.get_weights()] for network in networks]
        step()
        return [
            any(not np.array_equal(a, b) for a, b in zip(old, network.get_weights(), strict=True))
            for old, network in zip(before, networks, strict=True)
        ]

    assert moved(training._train_discriminator) == [True, False]
    z, labels = training._draw(GENERATOR_BATCH)
    truth = np.ones((GENERATOR_BATCH, 1))
    assert moved(lambda: training.combined.train_on_batch([z, labels], [truth, labels])) == [
        False,
        True,
    ]


if __name__ == "__main__":
    from benchmarks.turns import serve

    made = Training()
    check(made)
    serve(made.step)
