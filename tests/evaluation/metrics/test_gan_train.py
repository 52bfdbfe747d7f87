"""GAN-train on an easy data set: what spoils the samples must spoil the score."""

import pytest
import torch

from gan_zoo.evaluation.metrics import gan_train as module
from gan_zoo.evaluation.metrics.gan_train import gan_train
from gan_zoo.types import Batch


def bars(count, seed):
    """Two classes of 16x16 images: a bright upright or level bar at a random place, with noise."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    images = torch.rand(count, 1, 16, 16, generator=rng) - 1
    places = torch.randint(1, 13, (count,), generator=rng)
    for image, label, place in zip(images[:, 0], labels, places, strict=True):
        if label == 0:
            image[:, place : place + 2] = 1
        else:
            image[place : place + 2] = 1
    return Batch(images, labels)


@pytest.fixture(scope="module")
def real_test():
    return bars(200, 1)


def test_good_samples_teach_the_real_classes(real_test):
    assert gan_train(bars(600, 0), real_test, 2, epochs=3) > 0.97


def test_wrong_labels_teach_the_wrong_classes(real_test):
    fake = bars(600, 0)
    assert gan_train(Batch(fake.images, 1 - fake.labels), real_test, 2, epochs=3) < 0.03


def test_one_image_a_class_teaches_less_than_many(real_test):
    fake = bars(600, 0)
    collapsed = Batch(fake.images[fake.labels], fake.labels)  # images 0 and 1 over and over
    assert gan_train(collapsed, real_test, 2, epochs=3) < 0.8


def test_noise_teaches_nothing(real_test):
    noise = torch.rand(600, 1, 16, 16, generator=torch.Generator().manual_seed(2)) * 2 - 1
    assert 0.2 < gan_train(Batch(noise, torch.arange(600) % 2), real_test, 2, epochs=3) < 0.8


def test_a_class_that_is_missing_is_never_recognised(real_test):
    fake = bars(600, 0)
    only = fake.labels == 0
    share = gan_train(Batch(fake.images[only], fake.labels[only]), real_test, 2, epochs=2)
    assert share == 0.5


def test_same_samples_same_score_and_no_stream_moves(real_test, monkeypatch):
    # noisy labels: a score that another order or other weights would change
    fake = bars(120, 3)
    labels = torch.where(torch.arange(120) % 5 == 0, 1 - fake.labels, fake.labels)
    networks = []
    original = module.accuracy

    def recorded(network, data):
        networks.append([p.clone() for p in network.parameters()])
        return original(network, data)

    monkeypatch.setattr(module, "accuracy", recorded)
    before = torch.get_rng_state()
    first = gan_train(Batch(fake.images, labels), real_test, 2, epochs=1)
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(7)
    assert gan_train(Batch(fake.images, labels), real_test, 2, epochs=1) == first
    assert all(torch.equal(a, b) for a, b in zip(*networks, strict=True))


def test_samples_are_not_augmented(monkeypatch, real_test):
    seen = []
    original = module.FeatureCNN.forward

    def recorded(network, images):
        seen.append(images)
        return original(network, images)

    monkeypatch.setattr(module.FeatureCNN, "forward", recorded)
    fake = bars(60, 4)
    gan_train(fake, real_test, 2, epochs=1)
    known = {image.numpy().tobytes() for image in torch.cat([fake.images, real_test.images])}
    assert all(image.numpy().tobytes() in known for batch in seen for image in batch)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: Batch(b.images[:19], b.labels[:19]), "at least 20 images .* got 19 images"),
        (lambda b: Batch(b.images, b.labels[:-1]), "got 60 images and 59 labels"),
        (lambda b: Batch(b.images[:, :, 1:], b.labels), r"got \(1, 15, 16\) and \(1, 16"),
        (lambda b: Batch(b.images / 0, b.labels), "fake images must be finite"),
    ],
)  # fmt: skip
def test_samples_that_cannot_be_measured(change, message, real_test):
    with pytest.raises(ValueError, match=message):
        gan_train(change(bars(60, 0)), real_test, 2)
