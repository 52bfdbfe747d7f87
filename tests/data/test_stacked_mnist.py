import pytest
import torch

from gan_zoo.data import stacked_mnist
from gan_zoo.data.batches import normalise
from gan_zoo.data.mnist import load_mnist
from gan_zoo.data.random_streams import stream
from gan_zoo.data.stacked_mnist import load_stacked_mnist, stack_digits
from gan_zoo.evaluation.features.cnn import STACKED_MODES, stacked_modes
from gan_zoo.evaluation.features.extractor import load_extractor
from gan_zoo.evaluation.metrics.modes import label_modes
from gan_zoo.types import Split


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


@pytest.fixture(scope="module")
def dataset():
    return load_stacked_mnist(samples=3000)


def test_parts_sizes_and_types(dataset):
    assert (dataset.name, dataset.num_classes) == ("stacked_mnist", 1)
    for split, count in (
        (dataset.train, 3000), (dataset.validation, 10_000), (dataset.test, 10_000),
    ):  # fmt: skip
        assert split.images.shape == (count, 3, 28, 28)
        assert split.images.dtype == torch.uint8
        assert split.labels.tolist() == [0] * count


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_every_channel_is_a_digit_of_mnist_s_own_part(dataset, digits, part):
    known = {image.numpy().tobytes() for image in getattr(digits, part).images}
    stacks = getattr(dataset, part).images[:50]
    assert all(channel.numpy().tobytes() in known for stack in stacks for channel in stack)


def test_the_mode_is_read_from_first_channel_to_last():
    images = torch.arange(10, dtype=torch.uint8)[:, None, None, None].expand(10, 1, 2, 2)
    found = stack_digits(Split(images, torch.arange(10)), 5000, stream(0, "test"))
    a, b, c = found.images[:, :, 0, 0].long().unbind(1)
    assert torch.equal(found.labels, 100 * a + 10 * b + c)
    # independent channels: each pair of digits has a share of 1 / 100
    for pair in (10 * a + b, 10 * b + c, 10 * a + c):
        assert int(pair.bincount(minlength=100).min()) > 20
        assert int(pair.bincount().max()) < 90


def test_the_seed_alone_decides_what_is_stacked(dataset, monkeypatch):
    monkeypatch.setattr(stacked_mnist, "HELD_OUT", 20)
    before = torch.get_rng_state()
    again = load_stacked_mnist(samples=3000)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(again.train.images, dataset.train.images)
    assert not torch.equal(load_stacked_mnist(3000, seed=1).train.images, again.train.images)
    assert not torch.equal(again.test.images, again.validation.images)


def test_the_shipped_classifier_finds_the_modes(digits):
    stacks = stack_digits(digits.test, 2000, stream(0, "test"))
    seen = load_extractor("stackedmnistcnn").extract(normalise(stacks.images))
    assert seen.features.shape == (2000, 192)
    modes = stacked_modes(seen.logits)
    # three digits right at 99.5% each: 98.5%
    assert float((modes == stacks.labels).double().mean()) > 0.975
    # N draws of 1,000 equal modes miss a share of about exp(-N / 1000)
    assert abs(label_modes(modes, STACKED_MODES).covered - 865) < 40


def test_modes_by_hand():
    logits = torch.zeros(2, 30)
    logits[0, [7, 10 + 0, 20 + 3]] = 1
    logits[1, [0, 10 + 9, 20 + 9]] = 2
    assert stacked_modes(logits).tolist() == [703, 99]
    with pytest.raises(ValueError, match=r"shape \(N, 30\).* got \(2, 10\)"):
        stacked_modes(torch.zeros(2, 10))


def test_no_samples_are_too_few():
    with pytest.raises(ValueError, match=r"data\.samples must be from 1"):
        load_stacked_mnist(samples=0)
