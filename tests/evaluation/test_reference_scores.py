"""Samplers without training and their scores: right order, measured once, cached."""

import json
import math

import pytest
import torch

from gan_zoo.data.batches import normalise
from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation import reference_scores as module
from gan_zoo.evaluation.metrics.parzen import BANDWIDTHS
from gan_zoo.evaluation.reference import Reference
from gan_zoo.evaluation.reference_scores import (
    bandwidth,
    class_means,
    kernel_density,
    real,
    real_limit,
    reference_scores,
)
from gan_zoo.types import Dataset, Split

NAMES = ["fid", "label_accuracy", "memorisation", "diversity"]


def test_real_data_beat_the_weak_samplers(reference):
    found = reference_scores(reference, 40, NAMES).values
    assert set(found) == {f"{name}_brightness_test_40" for name in (*NAMES, "near_training_share")}
    fid = found["fid_brightness_test_40"]
    assert fid["real"] < fid["class_means"]
    assert found["diversity_brightness_test_40"]["class_means"] == pytest.approx(0, abs=1e-6)


def test_where_training_images_were_seen_held_out_ones_stand_for_real(reference, dataset):
    found = reference_scores(reference, 40, NAMES).values
    held_out = reference.embed(normalise(dataset.validation.images), dataset.validation.labels)
    expected = reference.measure(held_out, "test", ["memorisation"]).values["memorisation"]
    assert found["memorisation_brightness_test_40"]["real"] == expected > 0


def test_measured_once_and_then_read(reference, monkeypatch):
    first = reference_scores(reference, 40, ["fid"]).values

    def never(*_):
        raise AssertionError("measured again")

    monkeypatch.setattr(module, "_measure", never)
    assert reference_scores(reference, 40, ["fid"]).values == first
    other = Reference(reference.dataset, reference.extractor, "e" * 64)
    with pytest.raises(AssertionError, match="again"):
        reference_scores(other, 40, ["fid"])  # another data set
    with pytest.raises(AssertionError, match="again"):
        reference_scores(reference, 38, ["fid"])  # another number of samples


def test_a_damaged_cache_is_measured_again(reference, tmp_path):
    first = reference_scores(reference, 40, ["fid"]).values
    (path,) = (tmp_path / "cache/reference_scores").iterdir()
    path.write_text(path.read_text()[:20])
    assert reference_scores(reference, 40, ["fid"]).values == first
    assert json.loads(path.read_text())["values"]["fid"]


def test_a_cache_that_cannot_be_written_is_reported_and_survived(
    reference, monkeypatch, tmp_path, capsys
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "file"))
    assert reference_scores(reference, 40, ["fid"]).values
    assert "cannot be written" in capsys.readouterr().err


def test_more_samples_than_real_ones_have_no_real_score(reference):
    found = reference_scores(reference, 400, ["fid"]).values["fid_brightness_test_400"]
    assert set(found) == {"kernel_density", "class_means"}


def noise_of(count, seed, spread=255):
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    images = torch.randint(0, spread + 1, (count, 1, 4, 4), generator=rng)
    return Split(images.to(torch.uint8), labels)


@pytest.fixture
def noise():
    return Dataset("noise", 3, noise_of(90, 0), noise_of(15, 1), noise_of(15, 2))


def rows(images):
    return [image.numpy().tobytes() for image in images]


def test_real_is_different_training_images_of_the_right_class_balanced(noise):
    found = real(noise, 32, stream(0, "test"))
    assert found.labels.tolist() == [i % 3 for i in range(32)]
    own = dict(zip(rows(normalise(noise.train.images)), noise.train.labels, strict=True))
    assert [int(own[row]) for row in rows(found.images)] == found.labels.tolist()
    assert len(set(rows(found.images))) == 32


def test_real_is_a_random_part_and_no_prefix(noise):
    places = {row: i for i, row in enumerate(rows(normalise(noise.train.images)))}
    drawn = [places[row] for row in rows(real(noise, 30, stream(1, "test")).images)]
    assert 30 < sum(drawn) / 30 < 60  # of 0 to 89
    assert drawn != sorted(drawn)
    again = [places[row] for row in rows(real(noise, 30, stream(2, "test")).images)]
    assert set(again) != set(drawn)


def test_real_says_how_many_there_are(noise):
    uneven = noise._replace(train=Split(noise.train.images[:-3], noise.train.labels[:-3]))
    assert real_limit(noise) == 90
    assert real_limit(uneven) == 87
    assert len(real(uneven, 87, stream(0, "test")).labels) == 87
    with pytest.raises(ValueError, match=r"at most 87, as the rarest class.* got 88"):
        real(uneven, 88, stream(0, "test"))


def test_class_means_are_the_means(noise):
    found = class_means(noise, 7)
    assert found.labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    for image, label in zip(found.images, found.labels, strict=True):
        members = noise.train.images[noise.train.labels == label].double()
        torch.testing.assert_close(image, (members.mean(0) / 127.5 - 1).float())


def test_kernel_density_is_a_training_image_of_the_class_plus_noise(noise, monkeypatch):
    monkeypatch.setattr(module, "bandwidth", lambda dataset, rng: 0.01)
    found = kernel_density(noise, 300, stream(0, "test"))
    centres = normalise(noise.train.images).flatten(1)
    gaps = torch.cdist(found.images.flatten(1), centres)
    nearest = gaps.argmin(1)
    assert torch.equal(noise.train.labels[nearest], found.labels)
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
def test_samplers_draw_from_their_stream_alone(sampler, noise):
    before = torch.get_rng_state()
    first = sampler(noise, 20, stream(0, "test"))
    again = sampler(noise, 20, stream(0, "test"))
    other = sampler(noise, 20, stream(1, "test"))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)


def test_what_cannot_be_drawn_is_reported(noise):
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        class_means(noise, 0)
    lacking = noise._replace(num_classes=4)
    with pytest.raises(ValueError, match="class 3 of noise has no training images"):
        class_means(lacking, 8)
    with pytest.raises(ValueError, match="class 3 of noise has no training images"):
        kernel_density(lacking, 8, stream(0, "test"))
    with pytest.raises(ValueError, match="count must be at most 0"):
        real(lacking, 8, stream(0, "test"))
