"""Feature networks: how they are trained, which one measures a data set, and their cache."""

import hashlib
import math

import pytest
import torch
from safetensors.torch import load_file, save_file

from gan_zoo.data.toys import ring
from gan_zoo.evaluation.features import train as module
from gan_zoo.evaluation.features.cnn import FeatureCNN
from gan_zoo.evaluation.features.extractor import SHIPPED
from gan_zoo.evaluation.features.train import (
    accuracy,
    augment,
    extractor_for,
    fit,
    main,
    mirror,
    train_network,
)
from gan_zoo.types import Batch, Dataset, Split


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
    monkeypatch.setattr(module, "EPOCHS", 2)
    monkeypatch.setattr(module, "BATCH_SIZE", 20)
    return tmp_path / "cache" / "features"


def images_of(dataset):
    return module.whole(dataset.test).images


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
    monkeypatch.setattr(module, "train_network", None)  # it is not called again
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
def test_a_damaged_file_is_reported_and_trained_again(cache, damage, capsys):
    first = extractor_for(photographs())
    (path,) = cache.iterdir()
    content = path.read_bytes()
    damage(path)
    capsys.readouterr()
    assert extractor_for(photographs()).sha256 == first.sha256
    assert f"{path} is damaged" in capsys.readouterr().err
    assert path.read_bytes() == content


def test_a_cache_that_cannot_be_written_is_reported_and_no_obstacle(tmp_path, monkeypatch, capsys):
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
    monkeypatch.setattr(module, "fit", lambda *arguments: used.append(arguments[-1]))
    for name in ("cifar10", "svhn"):
        train_network(photographs(name=name), 1, 0, print)
    assert used == [mirror, module.augment]


def test_stacked_digits_are_measured_by_the_digit_classifier(cache):
    images = torch.zeros(60, 3, 28, 28, dtype=torch.uint8)
    split = Split(images, torch.zeros(60, dtype=torch.int64))
    found = extractor_for(Dataset("stacked_mnist", 1, split, split, split))
    assert (found.name, found.sha256) == ("stackedmnistcnn", SHIPPED["mnistcnn"].sha256)
    assert found.extract(module.whole(split).images).logits.shape == (60, 30)
    assert not cache.exists()


def bars(count, seed):
    """An easy data set of two classes: a bright upright or level bar, with noise."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    images = torch.randint(0, 60, (count, 1, 28, 28), generator=rng)
    images[labels == 0, :, 5:23, 12:16] = 255
    images[labels == 1, :, 12:16, 5:23] = 255
    return Split(images.to(torch.uint8), labels)


def toy():
    return Dataset("bars", 2, bars(200, 0), bars(40, 1), bars(60, 2))


def test_augmentation_keeps_a_disc_near_its_place_and_the_background_dark():
    y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    disc = (((y - 13.5) ** 2 + (x - 13.5) ** 2) < 36).float() * 2 - 1
    images = disc.expand(300, 1, 28, 28)
    moved = augment(images, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape
    assert moved.min() >= -1.0001
    assert moved.max() <= 1.0001
    torch.testing.assert_close(moved[:, :, 0], torch.full((300, 1, 28), -1.0))
    mass = (moved + 1)[:, 0]
    total = mass.sum((1, 2))
    centre_y = (mass * y).sum((1, 2)) / total - 13.5
    centre_x = (mass * x).sum((1, 2)) / total - 13.5
    for centre in (centre_y, centre_x):  # 1.5 pixels, more when the disc is shrunk by 1 / 0.9
        assert 1.2 < centre.max() < 1.9
        assert -1.9 < centre.min() < -1.2
    area = total / (disc + 1).sum()
    assert 0.75 < area.min() < 0.9
    assert 1.1 < area.max() < 1.3


def test_augmentation_turns_both_ways_by_at_most_ten_degrees():
    y, x = torch.meshgrid(torch.arange(28.0) - 13.5, torch.arange(28.0) - 13.5, indexing="ij")
    bar = ((x.abs() < 9) & (y.abs() < 4)).float() * 2 - 1
    moved = augment(bar.expand(400, 1, 28, 28), torch.Generator().manual_seed(1))[:, 0] + 1
    total = moved.sum((1, 2))
    dx = x - ((moved * x).sum((1, 2)) / total)[:, None, None]
    dy = y - ((moved * y).sum((1, 2)) / total)[:, None, None]
    xx, yy, xy = ((moved * a * b).sum((1, 2)) for a, b in ((dx, dx), (dy, dy), (dx, dy)))
    degrees = torch.rad2deg(0.5 * torch.atan2(2 * xy, xx - yy))
    assert 8 < degrees.max() < 11
    assert -11 < degrees.min() < -8
    # a similarity keeps the proportions, a shear does not
    proportion = (xx * yy - xy**2) / (xx + yy) ** 2
    assert (proportion / proportion.median() - 1).abs().max() < 0.06


def test_augmentation_draws_from_its_generator_alone():
    images = torch.rand(5, 1, 28, 28)
    before = torch.get_rng_state()
    first = augment(images, torch.Generator().manual_seed(3))
    assert torch.equal(first, augment(images, torch.Generator().manual_seed(3)))
    assert not torch.equal(first, augment(images, torch.Generator().manual_seed(4)))
    assert torch.equal(before, torch.get_rng_state())


def test_mirroring_turns_half_of_the_images_and_nothing_else():
    images = torch.rand(400, 2, 5, 7)
    before = torch.get_rng_state()
    changed = mirror(images, torch.Generator().manual_seed(3))
    assert torch.equal(before, torch.get_rng_state())
    kept = (changed == images).flatten(1).all(1)
    turned = (changed == images.flip(3)).flatten(1).all(1)
    assert (kept ^ turned).all()
    assert 160 < int(turned.sum()) < 240
    assert torch.equal(changed, mirror(images, torch.Generator().manual_seed(3)))


def test_fit_trains_on_augmented_images(monkeypatch):
    seen = []

    def darkened(images, rng):
        seen.append(images)
        return images - 1

    network = FeatureCNN(num_classes=2)
    taken = []
    network.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
    batch = Batch(torch.rand(6, 1, 28, 28), torch.tensor([0, 1, 0, 1, 1, 0]))
    rng = torch.Generator().manual_seed(0)
    fit(network, lambda: batch, 1, batch, 1, rng, lambda line: None, darkened)
    assert torch.equal(seen[0], batch.images)
    assert torch.equal(taken[0], batch.images - 1)
    assert torch.equal(taken[1], batch.images)  # measured as they are


def test_fit_keeps_the_epoch_that_is_best_on_the_validation_part(monkeypatch):
    network = FeatureCNN(num_classes=2)
    states = []

    def scripted(network, _):
        states.append({key: value.clone() for key, value in network.state_dict().items()})
        return [0.5, 0.9, 0.9, 0.7][len(states) - 1]

    monkeypatch.setattr("gan_zoo.evaluation.features.train.accuracy", scripted)
    images = torch.rand(6, 1, 28, 28)
    batch = Batch(images, torch.tensor([0, 1, 0, 1, 1, 0]))
    lines = []
    fit(network, lambda: batch, 1, batch, 4, torch.Generator().manual_seed(0), lines.append)
    for key, value in network.state_dict().items():
        assert torch.equal(value, states[1][key])
    assert not torch.equal(states[0]["classes.weight"], states[1]["classes.weight"])
    assert lines[1] == "epoch 2/4: validation accuracy 0.9000"


def test_learning_rate_falls_along_half_a_cosine(monkeypatch):
    rates = []

    class Recorded(torch.optim.AdamW):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    monkeypatch.setattr(torch.optim, "AdamW", Recorded)
    batch = Batch(torch.rand(6, 1, 28, 28), torch.tensor([0, 1, 0, 1, 1, 0]))
    rng = torch.Generator().manual_seed(0)
    fit(FeatureCNN(num_classes=2), lambda: batch, 4, batch, 2, rng, lambda line: None)
    expected = [2e-3 * (1 + math.cos(math.pi * step / 8)) / 2 for step in range(8)]
    assert rates == pytest.approx(expected)


def test_accuracy_counts_in_evaluation_mode():
    network = FeatureCNN(num_classes=2)
    with torch.no_grad():
        network.classes.weight.zero_()
        network.classes.bias.copy_(torch.tensor([0.0, 1.0]))
    labels = torch.cat([torch.ones(1100), torch.zeros(900)]).long()
    share = accuracy(network, Batch(torch.zeros(2000, 1, 28, 28), labels))
    assert share == 0.55
    assert not network.training


def test_script_trains_saves_and_prints_the_checksum(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("gan_zoo.data.mnist.load_mnist", lambda root: toy())
    out = tmp_path / "new" / "weights.safetensors"
    threads = torch.get_num_threads()
    assert main(["--epochs=4", f"--out={out}", "--seed=3"]) == 0
    torch.set_num_threads(threads)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[4] == "test accuracy 1.0000"
    assert lines[5].endswith(f"sha256 {hashlib.sha256(out.read_bytes()).hexdigest()}")
    network = FeatureCNN(num_classes=2)
    network.load_state_dict(load_file(out))
    before = out.read_bytes()
    assert main(["--epochs=4", f"--out={out}", "--seed=3"]) == 0
    assert out.read_bytes() == before
    torch.set_num_threads(threads)


def test_script_reports_missing_data(capsys):
    assert main(["--root=/nowhere"]) == 2
    assert "/nowhere: no such folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--data=imagenet"])
    assert "invalid choice: 'imagenet'" in capsys.readouterr().err


def test_images_too_small_for_the_network():
    with pytest.raises(ValueError, match="size must be at least 16 for two poolings, got 15"):
        FeatureCNN(size=15)
    assert FeatureCNN(channels=3, size=16)(torch.zeros(2, 3, 16, 16)).logits.shape == (2, 10)
    assert FeatureCNN(channels=3, size=32)(torch.zeros(2, 3, 32, 32)).logits.shape == (2, 10)
