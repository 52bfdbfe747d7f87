"""Data sets of torchvision, and Fashion-MNIST from plain idx files."""

import gzip
import hashlib
import pickle
import struct
from urllib.error import URLError

import numpy as np
import pytest
import scipy.io
import torch
from torchvision import datasets

from gan_zoo.data import torchvision_sets as module
from gan_zoo.data.idx import DataError, IdxFile
from gan_zoo.data.mnist import load_mnist
from gan_zoo.data.torchvision_sets import DEBIAN, SOURCES, idx_folder, load_torchvision


@pytest.fixture(autouse=True)
def _no_package_of_debian(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "DEBIAN", tmp_path / "no such package")


TYPES = {np.uint8: 0x08, np.int32: 0x0C}


def idx_bytes(array):
    magic = TYPES[array.dtype.type] * 256 + array.ndim
    header = struct.pack(f">{1 + array.ndim}I", magic, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(idx_bytes(array))


def images_of(count, seed):
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28)).astype(np.uint8)


def labels_of(count, seed, first=0):
    return (np.arange(count) * 3 + seed).astype(np.uint8) % 10 + np.uint8(first)


def write_plain(root, name, train=13, test=5):
    for prefix, count, seed in (("train", train, 0), ("t10k", test, 1)):
        write_idx(root / name / f"raw/{prefix}-images-idx3-ubyte", images_of(count, seed))
        write_idx(root / name / f"raw/{prefix}-labels-idx1-ubyte", labels_of(count, seed))


def write_emnist(root, split, first):
    for part, count, seed in (("train", 13, 0), ("test", 5, 1)):
        stem = root / "EMNIST/raw" / f"emnist-{split}-{part}"
        write_idx(stem.with_name(f"{stem.name}-images-idx3-ubyte"), images_of(count, seed))
        write_idx(stem.with_name(f"{stem.name}-labels-idx1-ubyte"), labels_of(count, seed, first))


def write_qmnist(root):
    for part, count, seed in (("train", 13, 0), ("test", 5, 1)):
        extended = np.zeros((count, 8), dtype=np.int32)
        extended[:, 0] = labels_of(count, seed)
        extended[:, 1:] = 70_000  # writer and so on
        write_idx(root / f"QMNIST/raw/qmnist-{part}-images-idx3-ubyte", images_of(count, seed))
        write_idx(root / f"QMNIST/raw/qmnist-{part}-labels-idx2-int", extended)


def check(data, upright):
    """Sizes, types and content against the arrays written by the helpers above."""
    assert [len(p.labels) for p in (data.train, data.validation, data.test)] == [11, 2, 5]
    images = torch.from_numpy(images_of(13, 0)).unsqueeze(1)
    images = images if upright else images.transpose(2, 3)
    torch.testing.assert_close(data.train.images, images[:11])
    torch.testing.assert_close(data.validation.images, images[11:])
    labels = torch.from_numpy(labels_of(13, 0)).long()
    torch.testing.assert_close(data.train.labels, labels[:11])
    torch.testing.assert_close(data.validation.labels, labels[11:])
    torch.testing.assert_close(data.test.labels, torch.from_numpy(labels_of(5, 1)).long())
    assert data.train.images.dtype == torch.uint8


@pytest.mark.parametrize(
    ("name", "folder"), [("fashion_mnist", "FashionMNIST"), ("kmnist", "KMNIST")]
)
def test_idx_relatives_of_mnist(tmp_path, name, folder):
    write_plain(tmp_path, folder)
    data = load_torchvision(name, str(tmp_path), download=False)
    assert (data.name, data.num_classes) == (name, 10)
    check(data, upright=True)


def test_qmnist_labels_are_the_first_column(tmp_path):
    write_qmnist(tmp_path)
    check(load_torchvision("qmnist", str(tmp_path), download=False), upright=True)


def test_emnist_digits_are_turned_upright(tmp_path):
    write_emnist(tmp_path, "digits", first=0)
    check(load_torchvision("emnist_digits", str(tmp_path), download=False), upright=False)


def test_emnist_letters_are_turned_upright_and_counted_from_zero(tmp_path):
    write_emnist(tmp_path, "letters", first=1)
    data = load_torchvision("emnist_letters", str(tmp_path), download=False)
    assert data.num_classes == 26
    check(data, upright=False)


def test_cifar10_has_channels_first(tmp_path, monkeypatch):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = {}
    checksums = {}
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        rows[name] = rng.integers(0, 256, (6, 3072)).astype(np.uint8)
        content = pickle.dumps({"data": rows[name], "labels": [1, 0, 9, 4, 4, 2]})
        (folder / name).write_bytes(content)
        checksums[name] = hashlib.md5(content).hexdigest()
    meta = pickle.dumps({"label_names": [str(i) for i in range(10)]})
    (folder / "batches.meta").write_bytes(meta)
    train = [[f"data_batch_{i}", checksums[f"data_batch_{i}"]] for i in range(1, 6)]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", train)
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", checksums["test_batch"]]])
    monkeypatch.setattr(
        datasets.CIFAR10,
        "meta",
        {
            "filename": "batches.meta",
            "key": "label_names",
            "md5": hashlib.md5(meta).hexdigest(),
        },
    )
    data = load_torchvision("cifar10", str(tmp_path), download=False)
    assert [len(p.labels) for p in (data.train, data.validation, data.test)] == [25, 5, 6]
    # a file's row holds the red plane, the green, the blue, each row by row
    expected = torch.from_numpy(rows["data_batch_2"][0].reshape(3, 32, 32))
    torch.testing.assert_close(data.train.images[6], expected)
    assert data.train.images.is_contiguous()
    assert data.test.labels.tolist() == [1, 0, 9, 4, 4, 2]


def test_svhn_zero_is_label_zero_and_channels_come_first(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    images = {}
    splits = {}
    for part, count in (("train", 13), ("test", 5)):
        images[part] = rng.integers(0, 256, (32, 32, 3, count)).astype(np.uint8)
        labels = (np.arange(count) % 10 + 1).astype(np.uint8)[:, None]  # the files say 10 for 0
        path = tmp_path / f"{part}_32x32.mat"
        scipy.io.savemat(path, {"X": images[part], "y": labels})
        splits[part] = ["", path.name, hashlib.md5(path.read_bytes()).hexdigest()]
    monkeypatch.setattr(datasets.SVHN, "split_list", splits)
    data = load_torchvision("svhn", str(tmp_path), download=False)
    assert data.train.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    expected = torch.from_numpy(images["train"][:, :, :, 4].transpose(2, 0, 1).copy())
    torch.testing.assert_close(data.train.images[4], expected)


@pytest.mark.parametrize("name", SOURCES)
def test_missing_files_are_reported_with_folder_and_remedy(tmp_path, name):
    with pytest.raises(DataError) as caught:
        load_torchvision(name, str(tmp_path), download=False)
    message = str(caught.value)
    assert name in message
    assert str(tmp_path) in message
    assert SOURCES[name].files in message
    assert "data.root" in message


@pytest.mark.parametrize("name", SOURCES)
def test_failed_download_is_told_with_folder_and_remedy(tmp_path, monkeypatch, name):
    def no_network(*arguments, **options):
        raise URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    with pytest.raises(DataError, match=r"could not be downloaded.*no route to host") as caught:
        load_torchvision(name, str(tmp_path))
    assert str(tmp_path) in str(caught.value)
    assert SOURCES[name].files in str(caught.value)


@pytest.mark.parametrize("damage", [lambda b: b[:100], lambda b: b"<html>" + b, lambda b: b""])
def test_damaged_files_are_reported(tmp_path, damage):
    write_plain(tmp_path, "FashionMNIST")
    path = tmp_path / "FashionMNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match="cannot read fashion_mnist"):
        load_torchvision("fashion_mnist", str(tmp_path), download=False)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (labels_of(12, 0), "13 images but 12 labels"),
        (labels_of(13, 0, first=1), "labels must be from 0 to 9, got 1 to 10"),
    ],
)
def test_labels_that_do_not_belong_to_the_images(tmp_path, labels, message):
    write_plain(tmp_path, "KMNIST")
    write_idx(tmp_path / "KMNIST/raw/train-labels-idx1-ubyte", labels)
    with pytest.raises(DataError, match=message):
        load_torchvision("kmnist", str(tmp_path), download=False)


def test_home_folder(tmp_path, monkeypatch):
    write_plain(tmp_path / "sets", "KMNIST")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(load_torchvision("kmnist", "~/sets", download=False).test.labels) == 5


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="dataset must be one of fashion_mnist, kmnist"):
        load_torchvision("imagenet")


FASHION = {"train": "FASHION_TRAIN", "t10k": "FASHION_TEST"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Thirteen training and five test images, expected in place of the real ones."""
    where = tmp_path / "idx"
    where.mkdir()
    rng = np.random.default_rng(0)
    for part, count in (("train", 13), ("t10k", 5)):
        arrays = {
            "images-idx3": rng.integers(0, 256, (count, 28, 28)).astype(np.uint8),
            "labels-idx1": (np.arange(count) % 10).astype(np.uint8),
        }
        files = []
        for kind, array in arrays.items():
            content = idx_bytes(array)
            stem = f"{part}-{kind}-ubyte"
            files.append(IdxFile(stem, array.shape, hashlib.sha256(content).hexdigest()))
            (where / f"{stem}.gz").write_bytes(gzip.compress(content))
        monkeypatch.setattr(module, FASHION[part], tuple(files))
    return where


def test_a_folder_of_plain_files_is_read(folder):
    found = load_torchvision("fashion_mnist", str(folder), download=False)
    assert [len(p.labels) for p in (found.train, found.validation, found.test)] == [11, 2, 5]
    assert found.train.images.shape[1:] == (1, 28, 28)
    assert found.train.images.dtype == torch.uint8
    assert found.validation.labels.tolist() == [1, 2]


def test_debian_s_package_is_read_when_nothing_was_downloaded(folder, tmp_path, monkeypatch):
    assert idx_folder(tmp_path) is None
    monkeypatch.setattr(module, "DEBIAN", folder)
    assert idx_folder(tmp_path) == folder
    found = load_torchvision("fashion_mnist", str(tmp_path / "nothing here"), download=False)
    assert len(found.test.labels) == 5
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for file in folder.iterdir():
        assert idx_folder(tmp_path) == folder  # a part of a download hides nothing
        (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    assert idx_folder(tmp_path) is None  # the download is torchvision's to read


def test_a_failed_download_hides_no_files_that_come_later(folder, tmp_path, monkeypatch):
    def no_network(*arguments, **options):
        raise URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    root = tmp_path / "root"
    with pytest.raises(DataError, match="could not be downloaded"):
        load_torchvision("fashion_mnist", str(root))
    assert (root / "FashionMNIST/raw").is_dir()  # torchvision's traces
    monkeypatch.setattr(module, "DEBIAN", folder)
    assert len(load_torchvision("fashion_mnist", str(root)).test.labels) == 5
    monkeypatch.setattr(module, "DEBIAN", tmp_path / "no such package")
    for file in folder.iterdir():
        (root / file.name).write_bytes(file.read_bytes())
    assert len(load_torchvision("fashion_mnist", str(root)).test.labels) == 5


def test_without_a_home_folder_debian_s_files_are_read_and_others_need_a_root(
    folder, tmp_path, homeless, monkeypatch
):
    told = "data.root must be a path without ~, as there is no home folder here, got '~/.cache"
    for name in ("fashion_mnist", "kmnist"):
        with pytest.raises(DataError, match=told):
            load_torchvision(name)
    with pytest.raises(DataError, match=r"no home folder here, got '~/mnist'"):
        load_mnist("~/mnist")
    monkeypatch.setattr(module, "DEBIAN", folder)
    assert len(load_torchvision("fashion_mnist").test.labels) == 5


def test_files_with_other_content_are_refused(folder):
    path = folder / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(DataError, match=rf"{path}: .*sha256 .*dataset-fashion-mnist"):
        load_torchvision("fashion_mnist", str(folder))
    path.unlink()
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte: no such file"):
        load_torchvision("fashion_mnist", str(folder))


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs Debian's package dataset-fashion-mnist")
def test_debian_s_files_are_the_published_data(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "DEBIAN", DEBIAN)
    found = load_torchvision("fashion_mnist", str(tmp_path), download=False)
    labels = torch.cat([found.train.labels, found.validation.labels])
    assert labels.bincount().tolist() == [6000] * 10
    assert found.test.labels.bincount().tolist() == [1000] * 10
    # the mean and deviation that the field normalises with: 0.2860 and 0.3530
    pixels = torch.cat([found.train.images, found.validation.images]).double() / 255
    assert float(pixels.mean()) == pytest.approx(0.2860, abs=5e-5)
    assert float(pixels.std()) == pytest.approx(0.3530, abs=5e-5)
