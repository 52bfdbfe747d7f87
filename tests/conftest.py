"""A tiny data set and a tiny AC-GAN: the real classes at a size that trains in milliseconds."""

import os
from functools import partial

import pytest
import torch

from gan_zoo.config.build import RunComponents
from gan_zoo.config.schema import AuxiliarySettings, EvaluationSettings, TrainerSettings
from gan_zoo.losses.bce import Bce
from gan_zoo.models.acgan import Discriminator, Generator
from gan_zoo.models.latents import Uniform, UniformLabels
from gan_zoo.regularizers.none import Unregularized
from gan_zoo.training.trackers import Untracked
from gan_zoo.types import Dataset, Split

# Set by users and by continuous integration; they change what programs print.
PRINTING = ("COLUMNS", "FORCE_COLOR", "HYDRA_FULL_ERROR", "NO_COLOR", "TTY_COMPATIBLE")


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory):
    """The same on every machine, in processes that a test starts too; a cache for all workers."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_ZOO_CACHE", str(folder / "cache"))
        for name in PRINTING:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)  # tests are small, and several may run at once


@pytest.fixture
def homeless(monkeypatch):
    """A process without a home folder: no HOME, and a user that the system does not know."""

    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("GAN_ZOO_CACHE", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)


def tiny_split(count: int, seed: int) -> Split:
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    noise = torch.randint(0, 60, (count, 1, 8, 8), generator=rng)
    return Split((noise + 60 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels)


@pytest.fixture(scope="session")
def tiny_dataset() -> Dataset:
    """Three classes of 8x8 images: dark, middle, bright."""
    return Dataset("tiny", 3, tiny_split(120, 0), tiny_split(30, 1), tiny_split(30, 2))


@pytest.fixture
def tiny_parts(tiny_dataset) -> RunComponents:
    """A whole run on ``tiny_dataset``: two epochs of twelve updates."""
    adam = partial(torch.optim.Adam, lr=1e-3, betas=(0.5, 0.999))
    return RunComponents(
        dataset=tiny_dataset,
        generator=partial(Generator, latent_dim=10, width=0.03),
        discriminator=partial(Discriminator, width=0.1),
        loss=Bce(),
        regularizer=Unregularized(),
        optimizers=(adam, adam),
        latents=Uniform(),
        labels=UniformLabels(),
        extractor=None,
        trainer=TrainerSettings(
            epochs=2, batch_size=10, generator_batch_size=20, lr_decay=0.0, ema_decay=None
        ),
        aux=AuxiliarySettings(),
        evaluation=EvaluationSettings(samples=20, final_samples=40, loss_samples=20),
        seed=0,
        device=torch.device("cpu"),
        tracker=Untracked(),
    )
