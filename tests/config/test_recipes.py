"""Every method trains AC-GAN on MNIST: the real configuration, trainer and data, a small width."""

import csv
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf
from safetensors.torch import load_file

from gan_zoo.cli import train
from gan_zoo.config.build import RunComponents, build
from gan_zoo.config.compose import VERSION_BASE
from gan_zoo.data.mnist import load_mnist
from gan_zoo.runs.record import RunSpec
from gan_zoo.training.build import build_trainer
from gan_zoo.training.run import run

CONF = Path(train.__file__).parents[1] / "conf"
NAMES = sorted(path.stem for path in (CONF / "loss").glob("*.yaml"))
SMALL = ["model.generator.width=0.02", "model.discriminator.width=0.05", "trainer.epochs=1",
         "trainer.max_steps=10", "trainer.batch_size=20", "trainer.generator_batch_size=20",
         "evaluation.loss_samples=20", "evaluation.samples=20",
         "evaluation.final_samples=20", "device=cpu"]  # fmt: skip
OBJECTIVES = [
    (name, [f"loss.generator={objective}"] if name.startswith("fgan_") else [])
    for name in NAMES
    for objective in ("saturating", "practical")[: 2 if name.startswith("fgan_") else 1]
]


@pytest.fixture(autouse=True)
def _decompress_mnist_once(monkeypatch):
    monkeypatch.setattr("gan_zoo.data.mnist.load_mnist", mnist)


@cache
def mnist(root):
    return load_mnist(root)


def parts_of(*overrides: str) -> RunComponents:
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        config = compose("config", overrides=[*SMALL, *overrides], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    return replace(build(config), extractor=None)  # the metrics have tests of their own


@pytest.mark.parametrize(("name", "overrides"), OBJECTIVES)
def test_trains_on_mnist_without_a_number_that_is_not_finite(name, overrides, tmp_path):
    parts = parts_of(f"loss={name}", *overrides)
    assert len(parts.dataset.train.labels) == 50_000
    start = build_trainer(parts)
    record = run(RunSpec("abc", name, 0), lambda: parts, tmp_path)
    assert record.status == "finished", record.error
    assert record.warnings == []
    assert record.progress["discriminator_updates"] == 10
    assert record.progress["generator_updates"] == 10 // parts.trainer.n_critic
    (row,) = csv.DictReader((tmp_path / "history.csv").read_text().splitlines())
    numbers = {key: float(value) for key, value in row.items()}
    assert {key for key, value in numbers.items() if not math.isfinite(value)} == set()
    assert numbers["gradient_norm_discriminator"] > 0
    assert numbers["gradient_norm_generator"] > 0
    for network in ("generator", "discriminator"):
        before = getattr(start, network).state_dict()
        after = load_file(tmp_path / record.artifacts[network])
        assert all(value.isfinite().all() for value in after.values())
        assert any(not torch.equal(before[key], after[key]) for key in before)
