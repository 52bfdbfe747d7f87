"""Are samples good enough to learn from? The GAN-train classification accuracy score.

Its counterpart GAN-test, the accuracy on samples of a classifier trained on real data, is
``metrics.label_accuracy`` with the data set's feature network: the same number, so it has no second
name here.
"""

import torch
from torch import Tensor

from gan_zoo.data.batches import BatchStream
from gan_zoo.data.random_streams import global_stream, stream
from gan_zoo.evaluation.features.cnn import FeatureCNN
from gan_zoo.evaluation.features.fit import accuracy, fit
from gan_zoo.types import Batch, Split

BATCH_SIZE = 100
HELD_OUT = 10  # one in ten of the samples chooses the epoch
SEED = 0  # the same for every run, so that only the samples differ


def gan_train(fake: Batch, real_test: Batch, num_classes: int, epochs: int = 5) -> float:
    """Accuracy on real test images of a classifier trained on nothing but generated samples.

    It falls when samples are unrealistic, wrongly labelled, or of too little variety: the one
    number that needs all three. The classifier is ``FeatureCNN``, trained without augmentation,
    which would lend the samples a variety that they lack; a random tenth of the samples chooses
    the epoch, so no real image has a part in the training. 10,000 samples take half a minute of
    one core; 10,000 MNIST training images give 0.983.

    Args:
        fake: images in [-1, 1] and the labels they were asked as, 20 samples or more.
        real_test: real images and labels.
        num_classes: K.
        epochs: passes over the samples.

    Returns:
        A share in [0, 1]; chance is 1 / K. Compare with what as many real training images give.
        The same samples give the same number, and torch's global stream stays where it was.

    Raises:
        ValueError: too few samples, or images that are not finite, have no label each, or are of
            another shape than the real ones.

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
    with global_stream(SEED, "gan_train/weights and dropout"):
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
            augmentation=_as_it_is,
        )
    return accuracy(network, real_test)


def _as_it_is(images: Tensor, rng: torch.Generator) -> Tensor:
    return images


def _check(fake: Batch, real_test: Batch) -> None:
    if len(fake.images) < 2 * HELD_OUT or fake.labels.shape != (len(fake.images),):
        raise ValueError(
            f"fake has {len(fake.images)} images and {len(fake.labels)} labels; allowed: "
            f"{2 * HELD_OUT} or more images, with a label each"
        )
    if fake.images.shape[1:] != real_test.images.shape[1:]:
        raise ValueError(
            f"fake images have shape {tuple(fake.images.shape[1:])}, real ones "
            f"{tuple(real_test.images.shape[1:])}; allowed: one shape"
        )
    for name, batch in (("fake", fake), ("real_test", real_test)):
        if not bool(batch.images.isfinite().all()):
            raise ValueError(f"{name} images hold NaN or infinity; allowed: values in [-1, 1]")
