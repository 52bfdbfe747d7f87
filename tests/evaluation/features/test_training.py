import hashlib
import math

import pytest
import torch
from safetensors.torch import load_file

from gan_zoo.evaluation.features import train as script
from gan_zoo.evaluation.features.cnn import FeatureCNN
from gan_zoo.evaluation.features.fit import accuracy, augment, fit, mirror
from gan_zoo.evaluation.features.train import Options, main, parse
from gan_zoo.types import Batch, Dataset, Split


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

    monkeypatch.setattr("gan_zoo.evaluation.features.fit.accuracy", scripted)
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


def test_script_trains_saves_and_tells_the_checksum(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(script.LOADERS, "mnist", lambda root: toy())
    monkeypatch.setattr("gan_zoo.evaluation.features.for_dataset.BATCH_SIZE", 20)
    out = tmp_path / "new" / "weights.safetensors"
    threads = torch.get_num_threads()
    assert main(["epochs=4", f"out={out}", "seed=3"]) == 0
    torch.set_num_threads(threads)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 6
    assert told[4] == "test accuracy 1.0000"
    assert told[5].endswith(f"sha256 {hashlib.sha256(out.read_bytes()).hexdigest()}")
    network = FeatureCNN(num_classes=2)
    network.load_state_dict(load_file(out))
    before = out.read_bytes()
    assert main(["epochs=4", f"out={out}", "seed=3"]) == 0
    assert out.read_bytes() == before
    torch.set_num_threads(threads)


def test_every_data_set_of_images_can_be_trained_on(monkeypatch):
    asked = []
    monkeypatch.setattr(script, "load_torchvision", lambda name, root: asked.append((name, root)))
    script.LOADERS["svhn"]("here")
    script.LOADERS["kmnist"](None)
    assert asked == [("svhn", "here"), ("kmnist", script.DEFAULT_ROOT)]


def test_options_are_parsed():
    assert parse([]) == Options()
    assert parse(["data=mnist", "epochs=3", "out=a=b"]) == Options(epochs=3, out="a=b")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("epoch=3", r"'epoch=3' is no option; allowed: data, out, epochs"),
        ("mnist", "'mnist' is no option"),
        ("epochs=many", "epochs is 'many'; allowed: a whole number"),
        ("epochs=0", "epochs is 0; allowed: 1 or more"),
        ("data=imagenet", "data is 'imagenet'; allowed: mnist"),
        ("root=/nowhere", "/nowhere: no such folder"),
    ],
)
def test_wrong_options_end_with_a_message_and_exit_code_2(word, message, capsys):
    assert main([word]) == 2
    assert message in capsys.readouterr().err


def test_images_too_small_for_the_network():
    with pytest.raises(ValueError, match="size is 15; allowed: 16 or more"):
        FeatureCNN(size=15)
    assert FeatureCNN(channels=3, size=16)(torch.zeros(2, 3, 16, 16)).logits.shape == (2, 10)
    assert FeatureCNN(channels=3, size=32)(torch.zeros(2, 3, 32, 32)).logits.shape == (2, 10)
