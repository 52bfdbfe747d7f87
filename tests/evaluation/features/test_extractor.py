import math

import pytest
import torch
from safetensors.torch import save

from gan_zoo.data.batches import normalise
from gan_zoo.data.mnist import load_mnist
from gan_zoo.data.torchvision_sets import DEBIAN, read_fashion_mnist
from gan_zoo.evaluation.features import extractor as module
from gan_zoo.evaluation.features.cnn import FEATURES, FeatureCNN, MaxPool
from gan_zoo.evaluation.features.extractor import (
    SHIPPED,
    WEIGHTS,
    FeatureNetwork,
    WeightsError,
    load_extractor,
    state_sha256,
    wrap_module,
)
from gan_zoo.evaluation.metrics.fid import fid


@pytest.fixture(scope="module")
def extractor():
    return load_extractor()


@pytest.fixture(scope="module")
def test_split():
    return load_mnist().test


def some_images(count, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(count, 1, 28, 28, generator=rng) * 2 - 1


def test_shipped_network_recognises_the_test_digits(extractor, test_split):
    found = extractor.extract(normalise(test_split.images))
    assert found.features.shape == (10_000, FEATURES)
    assert found.logits.shape == (10_000, 10)
    accuracy = (found.logits.argmax(1) == test_split.labels).double().mean()
    assert accuracy >= 0.994
    # no dead feature: each varies, none is a copy of another
    spectrum = torch.linalg.eigvalsh(torch.cov(found.features.double().T))
    assert spectrum.min() > 1e-4 * spectrum.max()


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_are_small_and_pinned(name):
    found = load_extractor(name)
    assert (WEIGHTS / SHIPPED[name].file).stat().st_size < 1_000_000
    assert (found.name, found.sha256) == (name, SHIPPED[name].sha256)
    images = torch.zeros(3, *SHIPPED[name].image_shape)
    digits = 3 if SHIPPED[name].stacked else 1
    assert found.extract(images).logits.shape == (3, digits * SHIPPED[name].num_classes)


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs Debian's package dataset-fashion-mnist")
def test_shipped_network_recognises_the_test_clothes():
    test = read_fashion_mnist(DEBIAN, train=False)
    found = load_extractor("fashioncnn").extract(normalise(test.images))
    assert (found.logits.argmax(1) == test.labels).double().mean() >= 0.91
    spectrum = torch.linalg.eigvalsh(torch.cov(found.features.double().T))
    assert spectrum.min() > 1e-4 * spectrum.max()


def test_features_are_float32_without_graph_whatever_the_caller_set(extractor):
    images = some_images(6).requires_grad_(True)
    plain = extractor.extract(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = extractor.extract(images)
    assert plain.features.dtype == plain.logits.dtype == torch.float32
    assert not plain.features.requires_grad
    assert not plain.logits.requires_grad
    assert torch.equal(plain.features, cast.features)
    assert torch.equal(plain.logits, cast.logits)


def test_float64_images_are_taken(extractor):
    images = some_images(5)
    assert torch.equal(extractor.extract(images.double()).logits, extractor.extract(images).logits)


def test_dropout_is_off_and_the_global_stream_untouched(extractor):
    images = some_images(5)
    before = torch.get_rng_state()
    assert torch.equal(extractor.extract(images).logits, extractor.extract(images).logits)
    assert torch.equal(before, torch.get_rng_state())


def test_chunks_change_nothing(extractor, monkeypatch):
    images = some_images(23)
    whole = extractor.extract(images)
    monkeypatch.setattr(module, "CHUNK", 5)
    parts = extractor.extract(images)
    torch.testing.assert_close(parts.features, whole.features)
    torch.testing.assert_close(parts.logits, whole.logits)


def test_logits_are_linear_in_the_features(extractor, test_split):
    found = extractor.extract(normalise(test_split.images[:200]))
    ones = torch.cat([found.features, torch.ones(200, 1)], 1).double()
    fitted = ones @ torch.linalg.lstsq(ones, found.logits.double()).solution
    torch.testing.assert_close(fitted, found.logits.double(), rtol=1e-4, atol=1e-4)


def test_better_images_are_nearer_in_the_feature_space(extractor, test_split):
    images = normalise(test_split.images[:4000])
    even, odd = images[::2], images[1::2]
    real = extractor.extract(even).features
    rng = torch.Generator().manual_seed(0)
    noise = torch.empty_like(odd).normal_(generator=rng)
    shapes = [odd, odd + 0.2 * noise, odd + 0.6 * noise, noise]
    distances = [fid(real, extractor.extract(images).features) for images in shapes]
    assert distances == sorted(distances)
    assert distances[1] > 1.2 * distances[0]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(3, 1, 32, 32), r"must have shape \(N, 1, 28, 28\).* got \(3, 1, 32, 32\)"),
        (torch.zeros(3, 784), r"got \(3, 784\)"),
        (torch.zeros(0, 1, 28, 28), "N at least 1"),
        (torch.full((5, 1, 28, 28), math.nan), "NaN or infinity"),
        (torch.full((5, 1, 28, 28), math.inf), "NaN or infinity"),
    ],
)
def test_images_that_cannot_be_measured(extractor, images, message):
    with pytest.raises(ValueError, match=message):
        extractor.extract(images)


def test_unknown_name_lists_the_known():
    with pytest.raises(
        ValueError, match="must be one of mnistcnn, fashioncnn, stackedmnistcnn, got 'inception'"
    ):
        load_extractor("inception")


def test_other_weights_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WEIGHTS", tmp_path)
    path = tmp_path / SHIPPED["mnistcnn"].file
    with pytest.raises(WeightsError, match=rf"cannot read {path} .*reinstall"):
        load_extractor()
    path.write_bytes(save(FeatureCNN().state_dict()))
    with pytest.raises(WeightsError, match=rf"{path} must have sha256 .*, got .*reinstall"):
        load_extractor()


def test_network_is_frozen_and_in_evaluation_mode():
    network = FeatureCNN()
    FeatureNetwork("mine", "00", network, image_shape=(1, 28, 28), device="cpu")
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())


class Mine(torch.nn.Module):
    """A user's network: two features, three classes; batch norm and dropout to be switched off."""

    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(12, 2), torch.nn.BatchNorm1d(2), torch.nn.Dropout()
        )
        self.classes = torch.nn.Linear(2, 3)

    def forward(self, images):
        features = self.features(images)
        return features, self.classes(features)


def test_a_user_s_module_is_frozen_run_in_parts_and_named_by_its_weights(monkeypatch):
    module_of_mine = Mine()
    images = torch.rand(7, 3, 2, 2)
    found = wrap_module(module_of_mine, "mine")
    assert found.name == "mine"
    assert not module_of_mine.training
    assert not any(p.requires_grad for p in module_of_mine.parameters())
    whole = found.extract(images)
    assert (whole.features.shape, whole.logits.shape) == ((7, 2), (7, 3))
    torch.testing.assert_close(whole.logits, module_of_mine.classes(whole.features))
    monkeypatch.setattr(module, "CHUNK", 3)
    torch.testing.assert_close(found.extract(images).features, whole.features)
    with pytest.raises(ValueError, match=r"must have shape \(N, C, H, W\).* got \(7, 12\)"):
        found.extract(images.flatten(1))


def test_the_sha256_is_of_every_weight_and_buffer():
    first, second = Mine(), Mine()
    second.load_state_dict(first.state_dict())
    assert wrap_module(first, "a").sha256 == wrap_module(second, "b").sha256
    sums = {state_sha256(first)}
    for change in (
        lambda: second.classes.bias.data.add_(1e-7),
        lambda: second.features[2].running_mean.add_(1),
        lambda: second.features[2].num_batches_tracked.add_(1),
        lambda: second.half(),
    ):
        change()
        sums.add(state_sha256(second))
    assert len(sums) == 5


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            torch.zeros(4, 2),
            r"mine must return a pair.* shape \(4, 2\) for 4 images",
        ),
        ((torch.zeros(4, 2), None), "shape \\(4, 2\\), a NoneType"),
        ((torch.zeros(4, 2, 2), torch.zeros(4, 3)), "shape \\(4, 2, 2\\)"),
        ((torch.zeros(4, 2), torch.zeros(3, 3)), "shape \\(3, 3\\)"),
        ((torch.zeros(4, 2),), "for 4 images"),
    ],
)
def test_a_user_s_module_that_gives_something_else(output, message):
    class Other(torch.nn.Module):
        def forward(self, images):
            return output

    with pytest.raises(ValueError, match=message):
        wrap_module(Other(), "mine").extract(torch.zeros(4, 1, 2, 2))


@pytest.mark.parametrize("name", ["my net", "a-b", "", "1st", "é"])
def test_names_that_metric_names_cannot_hold(name):
    with pytest.raises(ValueError, match="letters, digits and _ without a digit first"):
        wrap_module(Mine(), name)


@pytest.mark.parametrize("size", [(24, 24), (7, 8), (8, 7), (2, 3)])
def test_pooling_is_torch_s_to_the_bit(size):
    images = torch.randn(5, 3, *size, requires_grad=True)
    ours, theirs = MaxPool()(images), torch.nn.MaxPool2d(2)(images)
    assert torch.equal(ours, theirs)
    weights = torch.randn_like(ours)
    found = [torch.autograd.grad((each * weights).sum(), images)[0] for each in (ours, theirs)]
    assert torch.equal(*found)  # no two of random pixels tie
