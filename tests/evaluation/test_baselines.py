"""The samplers that need no training, on a small data set and on MNIST."""

import math

import pytest
import torch

from gan_zoo.data.batches import normalise
from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation import baselines
from gan_zoo.evaluation.baselines import bandwidth, class_means, kernel_density, real, real_limit
from gan_zoo.evaluation.metrics.parzen import BANDWIDTHS
from gan_zoo.types import Dataset, Split


def noise_of(count, seed, spread=255):
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    images = torch.randint(0, spread + 1, (count, 1, 4, 4), generator=rng)
    return Split(images.to(torch.uint8), labels)


@pytest.fixture
def dataset():
    return Dataset("noise", 3, noise_of(90, 0), noise_of(15, 1), noise_of(15, 2))


def rows(images):
    return [image.numpy().tobytes() for image in images]


def test_real_is_different_training_images_of_the_right_class_balanced(dataset):
    found = real(dataset, 32, stream(0, "test"))
    assert found.labels.tolist() == [i % 3 for i in range(32)]
    own = dict(zip(rows(normalise(dataset.train.images)), dataset.train.labels, strict=True))
    assert [int(own[row]) for row in rows(found.images)] == found.labels.tolist()
    assert len(set(rows(found.images))) == 32


def test_real_is_a_random_part_and_no_prefix(dataset):
    places = {row: i for i, row in enumerate(rows(normalise(dataset.train.images)))}
    drawn = [places[row] for row in rows(real(dataset, 30, stream(1, "test")).images)]
    assert 30 < sum(drawn) / 30 < 60  # of 0 to 89
    assert drawn != sorted(drawn)
    again = [places[row] for row in rows(real(dataset, 30, stream(2, "test")).images)]
    assert set(again) != set(drawn)


def test_real_says_how_many_there_are(dataset):
    uneven = dataset._replace(train=Split(dataset.train.images[:-3], dataset.train.labels[:-3]))
    assert real_limit(dataset) == 90
    assert real_limit(uneven) == 87
    assert len(real(uneven, 87, stream(0, "test")).labels) == 87
    with pytest.raises(ValueError, match="count is 88; allowed: up to 87, as the rarest class"):
        real(uneven, 88, stream(0, "test"))


def test_class_means_are_the_means(dataset):
    found = class_means(dataset, 7)
    assert found.labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    for image, label in zip(found.images, found.labels, strict=True):
        members = dataset.train.images[dataset.train.labels == label].double()
        torch.testing.assert_close(image, (members.mean(0) / 127.5 - 1).float())


def test_kernel_density_is_a_training_image_of_the_class_plus_noise(dataset, monkeypatch):
    monkeypatch.setattr(baselines, "bandwidth", lambda dataset, rng: 0.01)
    found = kernel_density(dataset, 300, stream(0, "test"))
    centres = normalise(dataset.train.images).flatten(1)
    gaps = torch.cdist(found.images.flatten(1), centres)
    nearest = gaps.argmin(1)
    assert torch.equal(dataset.train.labels[nearest], found.labels)
    assert len(nearest.unique()) > 80  # of 90, each expected 3.3 times
    noise = found.images.flatten(1) - centres[nearest]
    inner = centres[nearest].abs() < 0.9  # nothing was cut off there
    assert float(noise[inner].std()) == pytest.approx(0.02, rel=0.05)
    assert found.images.abs().max() <= 1


def test_the_bandwidth_is_that_of_the_data():
    # points around 0.5 of width b are best described by kernels of width b when centres are there
    def cloud(count, seed):
        rng = torch.Generator().manual_seed(seed)
        pixels = 127.5 + 255 * 0.1668 * torch.randn(count, 1, 4, 4, generator=rng)
        return Split(pixels.round().clamp(0, 255).to(torch.uint8), torch.zeros(count).long())

    middle = Split(torch.full((50, 1, 4, 4), 128, dtype=torch.uint8), torch.zeros(50).long())
    data = Dataset("cloud", 1, middle, cloud(200, 1), cloud(10, 2))
    assert bandwidth(data, stream(0, "test")) == pytest.approx(BANDWIDTHS[2])
    assert math.isclose(BANDWIDTHS[2], 0.1668, rel_tol=1e-3)


@pytest.mark.parametrize("sampler", [real, kernel_density])
def test_samplers_draw_from_their_stream_alone(sampler, dataset):
    before = torch.get_rng_state()
    first = sampler(dataset, 20, stream(0, "test"))
    again = sampler(dataset, 20, stream(0, "test"))
    other = sampler(dataset, 20, stream(1, "test"))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)


def test_what_cannot_be_drawn_is_told(dataset):
    with pytest.raises(ValueError, match="count is 0; allowed: 1 or more"):
        class_means(dataset, 0)
    lacking = dataset._replace(num_classes=4)
    with pytest.raises(ValueError, match="class 3 of noise has no training images"):
        class_means(lacking, 8)
    with pytest.raises(ValueError, match="class 3 of noise has no training images"):
        kernel_density(lacking, 8, stream(0, "test"))
    with pytest.raises(ValueError, match="allowed: up to 0"):
        real(lacking, 8, stream(0, "test"))
