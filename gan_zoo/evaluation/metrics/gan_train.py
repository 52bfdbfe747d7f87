"""The GAN-train classification accuracy score.

Its counterpart GAN-test, the accuracy on samples of a classifier trained on real data, equals
``label_accuracy`` with the data set's feature network.
"""

import torch

from gan_zoo.data.batches import BatchStream
from gan_zoo.data.devices import exact_arithmetic
from gan_zoo.data.random_streams import global_stream, stream
from gan_zoo.evaluation.features.cnn import FeatureCNN
from gan_zoo.evaluation.features.train import accuracy, fit
from gan_zoo.evaluation.measurement import Comparison, Outcome
from gan_zoo.evaluation.metrics.intervals import share_interval
from gan_zoo.evaluation.metrics.registry import Metric, share
from gan_zoo.types import Batch, Split

METRIC = Metric(
    place=13,
    on_request=True,  # trains a classifier
    needs_labels=True,
    min_side=16,
    square=True,
    quantities={
        "gan_train": share(
            "GAN-train accuracy",
            1,
            "Test accuracy on real images of a classifier trained on generated ones: fidelity and "
            "diversity.",
        )
    },
)
BATCH_SIZE = 100
HELD_OUT = 10  # one in ten samples chooses the epoch
SEED = 0  # the same for every run, so that only the samples differ


def measure(comparison: Comparison) -> Outcome:
    """Train on all generated images, test on all real ones."""
    assert comparison.real.labels is not None
    fake = Batch(comparison.fake.images, comparison.requested)
    real = Batch(comparison.real.images, comparison.real.labels)
    value = gan_train(fake, real, comparison.num_classes)
    interval = share_interval(value, len(real.labels))
    return Outcome({"gan_train": value}, intervals={"gan_train": interval})


def gan_train(fake: Batch, real_test: Batch, num_classes: int, epochs: int = 5) -> float:
    """Return the accuracy on real images of a classifier trained on generated samples alone.

    It falls when samples are unrealistic, wrongly labelled or of too little variety. The
    classifier is ``FeatureCNN``, trained without augmentation, which would add variety that the
    samples lack. A random tenth of the samples chooses the epoch, so that training uses no real
    image. 10,000 samples take half a minute of one core; 10,000 MNIST training images give 0.983.

    Args:
        fake: at least 20 images in [-1, 1] with the requested labels.
        real_test: real images and labels.
        num_classes: K.
        epochs: passes over the samples.

    Returns:
        A share in [0, 1]; chance is 1 / K. Compare it with that of as many real training images.
        The same samples give the same number, and torch's global random stream is restored.

    Raises:
        ValueError: If there are too few samples, not as many labels, images of another shape than
            the real ones, or images that are not finite.

    Source: Shmelkov, Schmid, Alahari 2018 (arXiv 1807.09499), section 3; Ravuri, Vinyals 2019
    (arXiv 1905.10887). Deviation: a small classifier that fits the images.
    """
    _check(fake, real_test)
    device = fake.images.device
    count = len(fake.labels)
    order = torch.randperm(count, generator=stream(SEED, "gan_train/held out")).to(device)
    held_out, kept = order[: count // HELD_OUT], order[count // HELD_OUT :]
    training = Split(fake.images[kept], fake.labels[kept])
    size = min(BATCH_SIZE, len(kept))
    batches = BatchStream(training, size, stream(SEED, "gan_train/order", device))
    with exact_arithmetic(), global_stream(SEED, "gan_train/weights and dropout", device):
        channels, side = fake.images.shape[1:3]
        network = FeatureCNN(channels, side, num_classes).to(device)
        fit(
            network,
            batches.next,
            batches.batches_per_epoch,
            Batch(fake.images[held_out], fake.labels[held_out]),
            epochs,
            stream(SEED, "gan_train/augmentation", device),
            report=lambda line: None,
            augmentation=lambda images, rng: images,
        )
    return accuracy(network, real_test)


def _check(fake: Batch, real_test: Batch) -> None:
    if len(fake.images) < 2 * HELD_OUT or fake.labels.shape != (len(fake.images),):
        raise ValueError(
            f"fake must have at least {2 * HELD_OUT} images with a label each, got"
            f" {len(fake.images)} images and {len(fake.labels)} labels"
        )
    if fake.images.shape[1:] != real_test.images.shape[1:]:
        raise ValueError(
            "fake and real images must have the same shape, got"
            f" {tuple(fake.images.shape[1:])} and {tuple(real_test.images.shape[1:])}"
        )
    for name, batch in (("fake", fake), ("real_test", real_test)):
        if not bool(batch.images.isfinite().all()):
            raise ValueError(f"{name} images must be finite, got NaN or infinity")
