import hashlib

import pytest
import torch

from gan_zoo.data.batches import BatchStream, normalise, to_device
from gan_zoo.data.dataset import dataset_fingerprint, hold_out
from gan_zoo.types import Dataset, Split


def split_of(count):
    """Image i is constant i, label i is i, so that a batch tells what it is made of."""
    images = torch.arange(count, dtype=torch.uint8).reshape(count, 1, 1, 1).repeat(1, 1, 2, 3)
    return Split(images, torch.arange(count))


def stream_of(count, batch_size, seed=0):
    return BatchStream(split_of(count), batch_size, torch.Generator().manual_seed(seed))


def labels_of(stream, batches):
    return torch.stack([stream.next().labels for _ in range(batches)])


def test_normalise_maps_bytes_onto_minus_one_to_one():
    images = torch.tensor([0, 51, 102, 153, 204, 255], dtype=torch.uint8)
    expected = torch.tensor([-1.0, -0.6, -0.2, 0.2, 0.6, 1.0])
    found = normalise(images)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-7)
    assert found[0] == -1
    assert found[-1] == 1


def test_normalise_leaves_points_alone():
    points = torch.tensor([[-4.0, 7.5]])
    assert normalise(points) is points


def test_batches_have_normalised_images_beside_their_labels():
    batch = stream_of(200, 7).next()
    assert batch.images.shape == (7, 1, 2, 3)
    torch.testing.assert_close(batch.images[:, 0, 1, 2], batch.labels / 127.5 - 1)


def test_an_epoch_shows_each_sample_at_most_once_and_drops_the_rest():
    stream = stream_of(23, 5)
    assert stream.batches_per_epoch == 4
    seen = labels_of(stream, 4).flatten().tolist()
    assert len(set(seen)) == 20


def test_a_whole_number_of_batches_shows_every_sample_once_an_epoch():
    stream = stream_of(20, 5)
    for _ in range(3):
        assert sorted(labels_of(stream, 4).flatten().tolist()) == list(range(20))


def test_epochs_are_in_different_order_and_seeds_too():
    stream = stream_of(20, 5)
    first, second = labels_of(stream, 4), labels_of(stream, 4)
    assert not torch.equal(first, second)
    assert torch.equal(first, labels_of(stream_of(20, 5), 4))
    assert not torch.equal(first, labels_of(stream_of(20, 5, seed=1), 4))


def test_every_sample_is_equally_likely_to_be_dropped():
    # 3 of 23 are left out of each epoch: over 4000 epochs, 522 +- 5 standard deviations of 21
    stream = stream_of(23, 5)
    counts = labels_of(stream, 4 * 4000).flatten().bincount(minlength=23)
    left_out = 4000 - counts
    assert left_out.sum() == 3 * 4000
    assert (left_out - 3 * 4000 / 23).abs().max() < 5 * 21.3


def test_global_random_stream_is_not_touched():
    before = torch.get_rng_state()
    labels_of(stream_of(20, 5), 9)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("given", [0, 1, 3, 4, 5, 8, 11])
def test_a_restored_stream_continues_bit_for_bit(given):
    stream = stream_of(23, 5)
    labels_of(stream, given) if given else None
    state = stream.state_dict()
    expected = labels_of(stream, 10)
    other = stream_of(23, 5, seed=99)
    labels_of(other, 2)
    other.load_state_dict(state)
    assert torch.equal(labels_of(other, 10), expected)


def test_a_state_of_another_batch_size_is_refused():
    stream = stream_of(20, 2)
    labels_of(stream, 9)
    with pytest.raises(ValueError, match="position must be from 0 to 4, got 9"):
        stream_of(20, 5).load_state_dict(stream.state_dict())


@pytest.mark.parametrize("batch_size", [0, -3, 21])
def test_batch_size_must_fit_the_split(batch_size):
    with pytest.raises(ValueError, match=rf"batch_size must be from 1 to 20, .* got {batch_size}"):
        stream_of(20, batch_size)


def test_the_whole_split_is_a_batch():
    assert sorted(stream_of(20, 20).next().labels.tolist()) == list(range(20))


def test_hold_out_takes_the_last_sixth():
    data = hold_out("name", 5, split_of(17), split_of(4))
    assert (data.name, data.num_classes) == ("name", 5)
    assert data.train.labels.tolist() == list(range(15))
    assert data.validation.labels.tolist() == [15, 16]
    assert data.validation.images[:, 0, 0, 0].tolist() == [15, 16]
    assert data.test.labels.tolist() == [0, 1, 2, 3]


def dataset():
    return Dataset("toy", 9, split_of(9), split_of(5), split_of(6))


def test_to_device_moves_every_tensor_and_keeps_bytes():
    moved = to_device(dataset(), "meta")
    tensors = [t for part in (moved.train, moved.validation, moved.test) for t in part]
    assert [t.device.type for t in tensors] == ["meta"] * 6
    assert moved.train.images.dtype == torch.uint8
    assert (moved.name, moved.num_classes) == ("toy", 9)
    assert [len(p.labels) for p in (moved.train, moved.validation, moved.test)] == [9, 5, 6]


def test_fingerprint_is_a_sha256_over_types_shapes_and_bytes():
    data = dataset()
    digest = hashlib.sha256()
    for count in (9, 5, 6):
        digest.update(f"torch.uint8 ({count}, 1, 2, 3);".encode())
        digest.update(bytes(i for i in range(count) for _ in range(6)))
        digest.update(f"torch.int64 ({count},);".encode())
        digest.update(b"".join(i.to_bytes(8, "little") for i in range(count)))
    assert dataset_fingerprint(data) == {
        "name": "toy",
        "num_classes": 9,
        "sample_shape": [1, 2, 3],
        "train": 9,
        "validation": 5,
        "test": 6,
        "sha256": digest.hexdigest(),
    }


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("field", ["images", "labels"])
def test_fingerprint_sees_one_changed_value(part, field):
    data = dataset()
    before = dataset_fingerprint(data)["sha256"]
    getattr(getattr(data, part), field).view(-1)[3] += 1
    assert dataset_fingerprint(data)["sha256"] != before
