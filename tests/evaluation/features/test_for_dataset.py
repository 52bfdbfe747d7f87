"""Which network measures a data set, and that one trained on first use is kept and verified."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from gan_zoo.data.toys import ring
from gan_zoo.evaluation.features import for_dataset
from gan_zoo.evaluation.features.extractor import SHIPPED
from gan_zoo.evaluation.features.fit import mirror
from gan_zoo.evaluation.features.for_dataset import extractor_for, train_network
from gan_zoo.types import Dataset, Split


def stripes(count, seed, classes=2):
    """Photographs of two classes, 3x16x16: upright or level stripes in a random colour."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % classes
    colour = torch.randint(120, 256, (count, 3, 1, 1), generator=rng)
    wave = (torch.arange(16) // 2 % 2).expand(16, 16)
    shapes = torch.where((labels == 0)[:, None, None], wave, wave.T)[:, None]
    noise = torch.randint(0, 40, (count, 3, 16, 16), generator=rng)
    return Split((shapes * colour * 0.8 + noise).to(torch.uint8), labels)


def photographs(seed=0, name="photo-graphs"):
    return Dataset(name, 2, stripes(200, seed), stripes(40, 1), stripes(40, 2))


def digits(name, side=28, classes=10):
    part = Split(torch.zeros(20, 1, side, side, dtype=torch.uint8), torch.arange(20) % classes)
    return Dataset(name, classes, part, part, part)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(for_dataset, "EPOCHS", 2)
    monkeypatch.setattr(for_dataset, "BATCH_SIZE", 20)
    return tmp_path / "cache" / "features"


def images_of(dataset):
    return for_dataset.whole(dataset.test).images


@pytest.mark.parametrize(("data", "name"), [("mnist", "mnistcnn"), ("fashion_mnist", "fashioncnn")])
def test_shipped_networks_come_first(data, name, cache):
    found = extractor_for(digits(data))
    assert (found.name, found.sha256) == (name, SHIPPED[name].sha256)
    assert not cache.exists()


@pytest.mark.parametrize("images", [{"side": 32}, {"classes": 4}])
def test_other_images_under_a_shipped_name_have_a_network_of_their_own(images, cache):
    found = extractor_for(digits("mnist", **images))
    assert found.sha256 != SHIPPED["mnistcnn"].sha256
    assert len(list(cache.glob("mnist-*.safetensors"))) == 1


def test_first_use_trains_and_keeps_what_the_second_loads(cache, monkeypatch, capsys):
    dataset = photographs()
    first = extractor_for(dataset)
    told = capsys.readouterr().err
    (path,) = cache.iterdir()
    assert told.startswith("gan_zoo: training a feature network for photo-graphs, once: 2 epochs")
    assert told.count("\n") == 1
    assert str(path) in told
    assert path.name.startswith("photo_graphs-")
    assert first.name == "photo_graphscnn"
    found = first.extract(images_of(dataset))
    assert (found.logits.argmax(1) == dataset.test.labels).double().mean() > 0.9
    monkeypatch.setattr(for_dataset, "train_network", None)  # it is not called again
    second = extractor_for(dataset)
    assert second.sha256 == first.sha256
    assert torch.equal(second.extract(images_of(dataset)).features, found.features)
    assert capsys.readouterr().err == ""


def test_training_repeats_itself_and_moves_no_stream(cache):
    before = torch.get_rng_state()
    first = extractor_for(photographs())
    (path,) = cache.iterdir()
    content = path.read_bytes()
    path.unlink()
    torch.rand(3)
    assert extractor_for(photographs()).sha256 == first.sha256
    assert path.read_bytes() == content
    torch.set_rng_state(before)
    extractor_for(photographs())  # from the cache
    assert torch.equal(before, torch.get_rng_state())


def test_other_data_of_the_same_name_have_their_own_network(cache):
    first, second = extractor_for(photographs(0)), extractor_for(photographs(5))
    assert first.sha256 != second.sha256
    assert len(list(cache.iterdir())) == 2


def truncated(path):
    path.write_bytes(path.read_bytes()[:1000])


def altered(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def unsigned(path):
    save_file(load_file(path), path)


def of_another_network(path):
    save_file({"weight": torch.zeros(3)}, path)


@pytest.mark.parametrize("damage", [truncated, altered, unsigned, of_another_network])
def test_a_damaged_file_is_told_and_trained_anew(cache, damage, capsys):
    first = extractor_for(photographs())
    (path,) = cache.iterdir()
    content = path.read_bytes()
    damage(path)
    capsys.readouterr()
    assert extractor_for(photographs()).sha256 == first.sha256
    assert f"{path} is damaged" in capsys.readouterr().err
    assert path.read_bytes() == content


def test_a_cache_that_cannot_be_written_is_told_and_no_obstacle(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "file"))
    found = extractor_for(photographs())
    assert found.extract(images_of(photographs())).logits.shape == (40, 2)
    assert "cannot be kept" in (told := capsys.readouterr().err)
    assert "Set GAN_ZOO_CACHE" in told


def test_what_has_no_feature_network(tiny_dataset, cache):
    one_class = photographs()._replace(num_classes=1)
    wide = stripes(40, 0)._replace(images=torch.zeros(40, 3, 16, 20, dtype=torch.uint8))
    for dataset in (ring(samples=600), tiny_dataset, one_class, photographs()._replace(train=wide)):
        assert extractor_for(dataset) is None
    assert not cache.exists()


def test_things_are_mirrored_and_characters_are_not(monkeypatch):
    used = []
    monkeypatch.setattr(for_dataset, "fit", lambda *arguments: used.append(arguments[-1]))
    for name in ("cifar10", "svhn"):
        train_network(photographs(name=name), 1, 0, print)
    assert used == [mirror, for_dataset.augment]


def test_stacked_digits_are_measured_by_the_digit_classifier(cache):
    images = torch.zeros(60, 3, 28, 28, dtype=torch.uint8)
    split = Split(images, torch.zeros(60, dtype=torch.int64))
    found = extractor_for(Dataset("stacked_mnist", 1, split, split, split))
    assert (found.name, found.sha256) == ("stackedmnistcnn", SHIPPED["mnistcnn"].sha256)
    assert found.extract(for_dataset.whole(split).images).logits.shape == (60, 30)
    assert not cache.exists()
