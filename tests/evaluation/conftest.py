"""Two classes of 20x20 images and a network that knows them: dark and bright."""

import pytest
import torch

from gan_zoo.evaluation.features.cnn import Features
from gan_zoo.evaluation.reference import Reference
from gan_zoo.types import Dataset, Split


class Brightness:
    """Features: mean brightness and its spread; logits by the sign of the mean."""

    name, sha256 = "brightness", "b" * 64

    def extract(self, images):
        if not bool(images.isfinite().all()):
            raise ValueError("images hold NaN or infinity")
        means, stds = images.mean((1, 2, 3)), images.std((1, 2, 3))
        return Features(torch.stack([means, stds], 1), torch.stack([-means, means], 1))


def split(count: int, seed: int) -> Split:
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    images = torch.randint(0, 100, (count, 1, 20, 20), generator=rng) + 140 * labels.view(
        -1, 1, 1, 1
    )
    return Split(images.byte(), labels)


@pytest.fixture
def dataset() -> Dataset:
    return Dataset("two", 2, split(200, 0), split(60, 1), split(80, 2))


@pytest.fixture
def reference(dataset, monkeypatch, tmp_path) -> Reference:
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("gan_zoo.evaluation.reference._FEATURES", {})
    monkeypatch.setattr("gan_zoo.evaluation.reference._OF_REAL", {})
    return Reference(dataset, Brightness(), "d" * 64)
