import gzip
import hashlib
import lzma
import struct

import pytest
import torch

from gan_zoo.data import mnist
from gan_zoo.data.idx import DataError, IdxFile, read_idx
from gan_zoo.data.mnist import BUNDLED, load_mnist

REMEDY = "Do this."
PUBLISHED = {  # of the files as they are bundled
    "train-images-idx3-ubyte": "8f41e9b4abc124dc3d209e86f7ea714a81f80edea40b565a4781dec7bd67c6e2",
    "train-labels-idx1-ubyte": "dcd3d8184fe1a8be6231f172fb3390116f91c127282fd736ab55752c179963d8",
    "t10k-images-idx3-ubyte": "d815adbb3188b5bafed15d649960a5dbcb0f9138b9a4205b88b175001cb394c9",
    "t10k-labels-idx1-ubyte": "f2edae9ce0307abae4671a37b70e6e3858696b48b16c3cfdfef97388dc9925d5",
}


def idx_bytes(values, shape, magic=None):
    magic = 0x0800 + len(shape) if magic is None else magic
    return struct.pack(f">{1 + len(shape)}I", magic, *shape) + bytes(values)


CONTENT = idx_bytes(range(12), (3, 2, 2))
EXPECTED = IdxFile("some-images", (3, 2, 2), hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture(scope="module")
def dataset():
    return load_mnist()


def test_bundled_files_are_the_published_ones():
    for stem, checksum in PUBLISHED.items():
        assert hashlib.sha256((BUNDLED / f"{stem}.xz").read_bytes()).hexdigest() == checksum


def test_shapes_types_and_sizes(dataset):
    assert (dataset.name, dataset.num_classes) == ("mnist", 10)
    assert dataset.sample_shape == (1, 28, 28)
    for split, count in (
        (dataset.train, 50_000),
        (dataset.validation, 10_000),
        (dataset.test, 10_000),
    ):
        assert split.images.shape == (count, 1, 28, 28)
        assert split.images.dtype == torch.uint8
        assert split.labels.shape == (count,)
        assert split.labels.dtype == torch.int64


def test_class_counts_are_those_of_the_published_set(dataset):
    training = torch.cat([dataset.train.labels, dataset.validation.labels])
    assert training.bincount().tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert dataset.test.labels.bincount().tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip


def test_images_stand_beside_their_labels(dataset):
    # the well-known first labels, and the known mean brightness of the 60,000 images
    assert dataset.train.labels[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    assert dataset.test.labels[:8].tolist() == [7, 2, 1, 0, 4, 1, 4, 9]
    total = dataset.train.images.sum() + dataset.validation.images.sum()
    assert float(total) / (60_000 * 784 * 255) == pytest.approx(0.1307, abs=5e-5)


def test_validation_part_is_the_last_ten_thousand_training_images(dataset):
    raw = lzma.decompress((BUNDLED / "train-images-idx3-ubyte.xz").read_bytes())[16:]
    first = dataset.validation.images[0].flatten()
    assert bytes(first.tolist()) == raw[50_000 * 784 : 50_001 * 784]
    assert bytes(dataset.validation.images[-1].flatten().tolist()) == raw[-784:]


@pytest.mark.parametrize(
    ("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)]
)
def test_reads_raw_gzip_and_xz(tmp_path, suffix, pack):
    (tmp_path / f"some-images{suffix}").write_bytes(pack(CONTENT))
    images = read_idx(tmp_path, EXPECTED, REMEDY)
    assert images.dtype == torch.uint8
    torch.testing.assert_close(images, torch.arange(12, dtype=torch.uint8).reshape(3, 2, 2))
    images += 1  # writable


DAMAGED = {
    "truncated xz": ("some-images.xz", lzma.compress(CONTENT)[:-20], "cannot read"),
    "truncated gzip": ("some-images.gz", gzip.compress(CONTENT)[:-9], "cannot read"),
    "no xz at all": ("some-images.xz", b"<html>not found</html>", "cannot read"),
    "no gzip at all": ("some-images.gz", b"<html>not found</html>", "cannot read"),
    "garbled gzip": ("some-images.gz", gzip.compress(CONTENT)[:10] + b"\xff" * 40, "cannot read"),
    "truncated raw": ("some-images", CONTENT[:-1], "must hold 28 bytes"),
    "raw with more": (
        "some-images",
        CONTENT + b"\0",
        "must hold 28 bytes",
    ),
    "empty": ("some-images", b"", "must be an idx file"),
    "two bytes": ("some-images", b"\x08\x03", "must be an idx file"),
    "cut in the header": ("some-images", CONTENT[:10], "must be an idx file"),
    "wrong magic": (
        "some-images",
        idx_bytes(range(12), (3, 2, 2), magic=0x0D03),
        "must be an idx file",
    ),
    "other dimensions": ("some-images", idx_bytes(range(12), (3, 4)), "got (3, 4)"),
    "wrong count": ("some-images", idx_bytes(range(8), (2, 2, 2)), "got (2, 2, 2)"),
    "one wrong byte": ("some-images", CONTENT[:-1] + b"\x63", "must have sha256"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_file_is_named_with_what_was_expected_and_what_to_do(tmp_path, case):
    name, content, problem = DAMAGED[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(tmp_path, EXPECTED, REMEDY)
    message = str(caught.value)
    assert str(tmp_path / name) in message
    assert problem in message
    assert message.endswith(REMEDY)


def test_missing_folder_and_missing_file_are_named():
    with pytest.raises(DataError, match=r"/nowhere: no such folder.*data\.root"):
        load_mnist("/nowhere")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte: no such file.*data\.root"):
        load_mnist(str(tmp_path))


def test_tilde_in_root_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(DataError, match=str(tmp_path / "mine")):
        load_mnist("~/mine")


def test_users_files_in_another_packing_give_the_same_data(tmp_path, monkeypatch, dataset):
    # small stand-ins, so that packing takes no time; the first images of the real ones
    files = []
    for whole in mnist.TRAIN:
        content = lzma.decompress((BUNDLED / f"{whole.stem}.xz").read_bytes())
        shape = (12, *whole.shape[1:])
        size, start = 784 if len(shape) == 3 else 1, 4 + 4 * len(shape)
        small = idx_bytes(content[start : start + 12 * size], shape)
        (tmp_path / f"{whole.stem}.gz").write_bytes(gzip.compress(small))
        files.append(IdxFile(whole.stem, shape, hashlib.sha256(small).hexdigest()))
    monkeypatch.setattr(mnist, "TRAIN", tuple(files))
    for stem in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (tmp_path / f"{stem}.xz").write_bytes((BUNDLED / f"{stem}.xz").read_bytes())
    small = load_mnist(str(tmp_path))
    torch.testing.assert_close(small.train.images, dataset.train.images[:10])
    torch.testing.assert_close(small.train.labels, dataset.train.labels[:10])
    torch.testing.assert_close(small.validation.images, dataset.train.images[10:12])
    torch.testing.assert_close(small.test.images, dataset.test.images)


def test_few_training_images_are_the_first_ones_and_the_other_parts_stay():
    all_of_it, few = load_mnist(), load_mnist(train=500)
    assert len(few.train.labels) == len(few.train.images) == 500
    torch.testing.assert_close(few.train.images, all_of_it.train.images[:500])
    torch.testing.assert_close(few.train.labels, all_of_it.train.labels[:500])
    torch.testing.assert_close(few.validation.labels, all_of_it.validation.labels)
    torch.testing.assert_close(few.test.images, all_of_it.test.images)
    assert few.name == "mnist"  # measured with the same feature network


@pytest.mark.parametrize("train", [0, -1, 50_001])
def test_an_impossible_number_of_training_images_is_refused(train):
    with pytest.raises(ValueError, match=rf"data.train is {train}; allowed: 1 to 50,000"):
        load_mnist(train=train)
