"""Features of real images come back from the cache folder bit for bit, or are computed again."""

import pytest
import torch

from gan_zoo.evaluation import reference as module
from gan_zoo.evaluation.feature_cache import feature_path
from gan_zoo.evaluation.features.cnn import FeatureCNN, Features
from gan_zoo.evaluation.features.extractor import FeatureNetwork, load_extractor
from gan_zoo.evaluation.metrics.precision_recall import precision_recall_density_coverage
from gan_zoo.evaluation.reference import Reference
from gan_zoo.types import Dataset, Split


def split(count: int, seed: int) -> Split:
    rng = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 1, 28, 28), generator=rng, dtype=torch.uint8)
    return Split(images, torch.arange(count) % 10)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """What a new process makes of a small data set and the shipped network, as often as called."""
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "cache"))
    dataset = Dataset("ten", 10, split(40, 0), split(20, 1), split(30, 2))

    def start() -> Reference:
        monkeypatch.setattr(module, "_FEATURES", {})
        monkeypatch.setattr(module, "_OF_REAL", {})
        return Reference(dataset, load_extractor("mnistcnn"), "a" * 64)

    return start


def no_extraction(self, images):
    raise AssertionError("computed again")


def test_another_process_reads_what_the_first_has_computed(shipped, monkeypatch):
    first = {name: shipped().features(name) for name in ("train", "validation", "test")}
    monkeypatch.setattr(Reference, "_extract", no_extraction)
    for name, features in first.items():
        again = shipped().features(name)
        assert isinstance(again, Features)
        assert torch.equal(again.features, features.features)
        assert torch.equal(again.logits, features.logits)
    assert [len(first[name].logits) for name in first] == [40, 20, 30]


def test_images_taken_in_parts_have_the_features_of_all_at_once(shipped, monkeypatch):
    whole = shipped().features("train")
    monkeypatch.setenv("GAN_ZOO_CACHE", "/dev/null/none")  # nothing is kept there
    monkeypatch.setattr(module, "PART", 7)
    sizes, extract = [], Reference._extract
    monkeypatch.setattr(
        Reference,
        "_extract",
        lambda self, images: sizes.append(len(images)) or extract(self, images),
    )
    parts = shipped().features("train")
    assert sizes == [7] * 5 + [5]
    torch.testing.assert_close(parts.features, whole.features)


@pytest.mark.parametrize("damage", [lambda b: b[:100], lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_a_damaged_file_is_reported_and_written_again(shipped, capsys, damage):
    reference = shipped()
    expected = reference.features("test")
    path = feature_path(reference.extractor, reference.sha256, "test")
    good = path.read_bytes()
    path.write_bytes(damage(good))
    found = shipped().features("test")
    assert "is damaged" in capsys.readouterr().err
    assert torch.equal(found.features, expected.features)
    assert path.read_bytes() == good


def test_features_of_other_images_are_not_taken(shipped, capsys):
    reference = shipped()
    reference.features("train")
    paths = [
        feature_path(reference.extractor, reference.sha256, name) for name in ("train", "test")
    ]
    paths[0].rename(paths[1])
    assert len(shipped().features("test").logits) == 30
    assert "it holds 40 images, not 30" in capsys.readouterr().err


def test_a_cache_that_cannot_be_written_is_reported(shipped, monkeypatch, capsys):
    monkeypatch.setenv("GAN_ZOO_CACHE", "/dev/null/none")
    assert len(shipped().features("test").logits) == 30
    assert "Set GAN_ZOO_CACHE to a folder that can be written" in capsys.readouterr().err


def test_a_user_s_network_is_not_kept(reference, tmp_path):
    reference.features("train")
    assert feature_path(reference.extractor, reference.sha256, "train") is None
    assert not (tmp_path / "cache").exists()
    wrapped = FeatureNetwork("mine", "c" * 64, FeatureCNN(), image_shape=None, device="cpu")
    assert feature_path(wrapped, reference.sha256, "train") is None  # its code may change


OF_REAL = ["precision_recall", "kid", "memorisation", "duplicates"]


def test_what_metrics_need_of_real_images_alone_is_computed_once_and_kept(shipped, monkeypatch):
    """The second generator, here or in another process, gets the first one's numbers for less."""
    reference, calls = shipped(), []
    fakes = torch.rand(30, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    fake = reference.embed(fakes, None)
    computed = reference._once
    monkeypatch.setattr(
        Reference,
        "_once",
        lambda self, what, compute: computed(what, lambda: calls.append(what) or compute()),
    )
    first = reference.measure(fake, "test", OF_REAL)
    assert len(calls) == 4
    assert reference.measure(fake, "test", OF_REAL) == first
    assert shipped().measure(fake, "test", OF_REAL) == first
    assert len(calls) == 4
    found = precision_recall_density_coverage(
        reference.features("test").features, fake.features.features
    )
    assert {name: first.values[name] for name in found._asdict()} == found._asdict()
    for path in feature_path(reference.extractor, "a" * 64, "test").parent.glob("*test-*"):
        path.write_bytes(b"damaged")
    assert shipped().measure(fake, "test", OF_REAL) == first
