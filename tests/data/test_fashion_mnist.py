"""Fashion-MNIST from plain idx files: a user's folder, or Debian's package where it is."""

import gzip
import hashlib
import struct
from urllib.error import URLError

import numpy as np
import pytest
import torch

from gan_zoo.data import fashion_mnist
from gan_zoo.data.fashion_mnist import DEBIAN, idx_folder
from gan_zoo.data.idx import DataError, IdxFile
from gan_zoo.data.mnist import load_mnist
from gan_zoo.data.torchvision_sets import load_torchvision

CONSTANTS = {"train": ("TRAIN_IMAGES", "TRAIN_LABELS"), "t10k": ("TEST_IMAGES", "TEST_LABELS")}


def idx_bytes(array):
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


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
        for constant, (kind, array) in zip(CONSTANTS[part], arrays.items(), strict=True):
            content = idx_bytes(array)
            stem = f"{part}-{kind}-ubyte"
            checksum = hashlib.sha256(content).hexdigest()
            monkeypatch.setattr(fashion_mnist, constant, IdxFile(stem, array.shape, checksum))
            (where / f"{stem}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "no such package")
    return where


def test_a_folder_of_plain_files_is_read(folder):
    found = load_torchvision("fashion_mnist", str(folder), download=False)
    assert [len(p.labels) for p in (found.train, found.validation, found.test)] == [11, 2, 5]
    assert found.train.images.shape[1:] == (1, 28, 28)
    assert found.train.images.dtype == torch.uint8
    assert found.validation.labels.tolist() == [1, 2]


def test_debian_s_package_is_read_when_nothing_was_downloaded(folder, tmp_path, monkeypatch):
    assert idx_folder(tmp_path) is None
    monkeypatch.setattr(fashion_mnist, "DEBIAN", folder)
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
    monkeypatch.setattr(fashion_mnist, "DEBIAN", folder)
    assert len(load_torchvision("fashion_mnist", str(root)).test.labels) == 5
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "no such package")
    for file in folder.iterdir():
        (root / file.name).write_bytes(file.read_bytes())
    assert len(load_torchvision("fashion_mnist", str(root)).test.labels) == 5


def test_without_a_home_folder_debian_s_files_are_read_and_others_need_a_root(
    folder, tmp_path, homeless, monkeypatch
):
    told = "data.root is '~/.cache/gan_zoo', and there is no home folder here: give a folder"
    for name in ("fashion_mnist", "kmnist"):
        with pytest.raises(DataError, match=told):
            load_torchvision(name)
    with pytest.raises(DataError, match=r"data\.root is .~/mnist., and there is no home"):
        load_mnist("~/mnist")
    monkeypatch.setattr(fashion_mnist, "DEBIAN", folder)
    assert len(load_torchvision("fashion_mnist").test.labels) == 5


def test_files_with_other_content_are_refused(folder):
    path = folder / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(DataError, match=rf"{path}: sha256 .*dataset-fashion-mnist"):
        load_torchvision("fashion_mnist", str(folder))
    path.unlink()
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte: no such file"):
        load_torchvision("fashion_mnist", str(folder))


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs Debian's package dataset-fashion-mnist")
def test_debian_s_files_are_the_published_data(tmp_path):
    found = load_torchvision("fashion_mnist", str(tmp_path), download=False)
    labels = torch.cat([found.train.labels, found.validation.labels])
    assert labels.bincount().tolist() == [6000] * 10
    assert found.test.labels.bincount().tolist() == [1000] * 10
    # the mean and deviation that the field normalises with: 0.2860 and 0.3530
    pixels = torch.cat([found.train.images, found.validation.images]).double() / 255
    assert float(pixels.mean()) == pytest.approx(0.2860, abs=5e-5)
    assert float(pixels.std()) == pytest.approx(0.3530, abs=5e-5)
