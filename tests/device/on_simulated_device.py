"""Steps, runs and evaluations on a simulated accelerator: one device, no waiting, few kernels."""

import copy
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
import torch

from gan_zoo.config.build import build
from gan_zoo.config.compose import compose_config, config_folder
from gan_zoo.data import mnist
from gan_zoo.evaluation.features.extractor import load_extractor
from gan_zoo.evaluation.reference import Reference
from gan_zoo.runs.record import read_record
from gan_zoo.training.build import build_trainer
from gan_zoo.types import Dataset, Split
from tests.device.simulated import LEDGER, MixedDevices, Simulated, simulation
from tests.running import run_components

SMALL = [
    "device=cpu", "evaluation.extractor=none", "trainer.batch_size=4", "trainer.epochs=1",
    "trainer.generator_batch_size=4", "trainer.n_critic=1",
]  # fmt: skip
LOSSES = sorted(path.stem for path in (config_folder() / "loss").glob("*.yaml"))
OPTIMIZERS = sorted(path.stem for path in (config_folder() / "optimizer").glob("*.yaml"))
REGULARIZERS = sorted(path.stem for path in (config_folder() / "regularizer").glob("*.yaml"))
POINTS = ["data=ring", "aux=none", "latents=normal"]
MODELS = {
    "acgan": ["model=acgan", "model.generator.width=0.05", "model.discriminator.width=0.05"],
    "mlp": ["model=mlp", *POINTS],
    "affine": ["model=affine", "data=gaussian_mixture_1d", "aux=none", "latents=normal"],
    "dirac": ["model=dirac", "data=dirac", "aux=none"],
}
MORE = {
    "rates that decay": ["trainer.lr_decay=1"],
    "simultaneous": ["trainer.simultaneous=true"],
    "clipped gradients": ["trainer.gradient_clip=0.1"],
    "no average": ["trainer.ema_decay=null"],
    "balanced labels": ["labels=balanced"],
    "packing": ["loss=pacgan"],
    "batch norm in D": ["model.discriminator.norm=batch"],
    "spectral norm": ["model.discriminator.norm=spectral"],
}

# Kernels of one update of D and one of G, without views and allocations, with torch 2.14. Fewer is
# faster: lower a number when a change saves some.
DEFAULT_BUDGET = 226
BUDGET = {
    "alpha_gan": 246, "approx_r1": 370, "dragan": 414, "fgan_alpha": 343, "fgan_jeffrey": 350,
    "fgan_jensen_shannon_weighted": 297, "fgan_kl": 280, "fgan_neyman": 314,
    "fgan_pearson": 236, "fgan_reverse_kl": 297, "fgan_squared_hellinger": 353, "r1": 480,
    "r2": 480, "r3gan": 397, "rahinge": 251, "ralsgan": 257, "rasgan": 262, "sngan": 335,
    "wgan": 306, "wgan_div": 385, "wgan_gp": 386, "wgan_lp": 388, "zero_gp": 404,
}  # fmt: skip


def tiny(count, seed):
    rng = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 1, 28, 28), generator=rng, dtype=torch.uint8)
    return Split(images, torch.arange(count) % 10)


@cache
def digits():
    return Dataset("mnist", 10, tiny(40, 0), tiny(40, 1), tiny(40, 2))


@pytest.fixture(autouse=True)
def _tiny_mnist(monkeypatch):
    monkeypatch.setattr(mnist, "load_mnist", lambda *_, **__: digits())


def parts_of(words):
    return build(compose_config([*SMALL, *words]))


def stepped(words):
    """Return the ledger of an update of both networks, after one that makes optimizers' states."""
    parts = parts_of(words)
    with simulation() as device:
        trainer = build_trainer(replace(parts, device=device))
        trainer.step()
        LEDGER.clear()
        trainer.step()
        ledger = copy.deepcopy(LEDGER)
        assert all(isinstance(p, Simulated) for p in trainer.generator.parameters())
        means = trainer.collect()
    assert means["discriminator_train_loss"] == means["discriminator_train_loss"]
    return ledger


def test_mixed_devices_and_generators_are_refused_and_reads_are_counted():
    with simulation() as device:
        here, there = torch.ones(3), torch.ones(3, device=device)
        with pytest.raises(MixedDevices, match="add"):
            here + there
        with pytest.raises(MixedDevices, match="generator"):
            torch.rand(3, device=device, generator=torch.Generator())
        torch.rand(3, device=device, generator=torch.Generator(device))
        assert not LEDGER.reads
        assert (there * 2).sum().item() == 6
        assert LEDGER.reads == Counter(_local_scalar_dense=1)
        assert LEDGER.kernels["mul"] == LEDGER.kernels["sum"] == 1
        there.cpu()
        assert LEDGER.reads["copy to the CPU"] == 1
    with simulation(has_float64=False) as device, pytest.raises(TypeError, match="float64"):
        torch.ones(3, device=device).double()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_of_every_loss_never_waits_and_keeps_to_its_budget(loss):
    ledger = stepped([f"loss={loss}"])
    assert not ledger.reads
    assert not ledger.copies_to_device
    assert sum(ledger.kernels.values()) <= BUDGET.get(loss, DEFAULT_BUDGET)


@pytest.mark.parametrize("regularizer", REGULARIZERS)
def test_a_step_with_every_regularizer_never_waits(regularizer):
    assert not stepped([f"regularizer={regularizer}"]).reads


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_with_every_optimizer_never_waits(optimizer):
    assert not stepped([f"optimizer={optimizer}"]).reads


@pytest.mark.parametrize("words", [*MODELS.values(), *MORE.values()], ids=[*MODELS, *MORE])
def test_a_step_with_every_model_and_setting_never_waits(words):
    assert not stepped(words).reads


def run_parts(**settings):
    """Return a run of the default network, measured by its feature network."""
    words = ["evaluation.extractor=auto", "evaluation.samples=30", "evaluation.final_samples=50",
             "evaluation.loss_samples=20", "trainer.batch_size=20",
             "evaluation.reference_scores=false",
             "evaluation.metrics=[fid,label_accuracy,ms_ssim]",
             "model.generator.width=0.05", "tuned=paper"]  # fmt: skip
    return parts_of([*words, *(f"{key}={value}" for key, value in settings.items())])


def simulated_run(folder, *, has_float64=True, epochs=2):
    parts = run_parts(**{"trainer.epochs": epochs, "trainer.lr_decay": 0})
    with simulation(has_float64=has_float64) as device:
        where = device if has_float64 else torch.device("cpu")
        own = load_extractor("mnistcnn", where)
        record = run_components(replace(parts, device=device, extractor=own), folder)
        copies = Counter(LEDGER.copies_to_device)
    return record, copies


def test_a_whole_run_measures_and_copies_its_data_once(tmp_path):
    record, copies = simulated_run(tmp_path)
    assert record.status == "finished"
    assert not record.unavailable
    assert record.environment["device"] == "gpusim:0"
    assert {name.partition("_mnistcnn")[0] for name in record.metrics} >= {"fid", "label_accuracy"}
    assert copies[(40, 1, 28, 28)] == 3  # train, validation, test


def test_a_resumed_run_equals_one_without_a_break(tmp_path):
    simulated_run(tmp_path / "whole")
    simulated_run(tmp_path / "parts", epochs=1)
    simulated_run(tmp_path / "parts")
    for name in ("history.csv", "checkpoints/params_generator_epoch_002.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    assert read_record(tmp_path / "parts").resumed


def test_a_device_without_float64_trains_and_is_measured_on_the_cpu(tmp_path):
    record, _ = simulated_run(tmp_path, has_float64=False)
    assert record.status == "finished"
    assert not record.unavailable
    assert record.metrics


def test_the_same_samples_have_the_same_numbers_on_both_devices():
    """In one process, so that features of real images on one device are not those of the other."""
    data = digits()
    images = torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(5)) * 2 - 1
    labels, metrics = torch.arange(40) % 10, ["fid", "label_accuracy"]

    def measured(device):
        dataset = data._replace(
            **{
                name: Split(*(tensor.to(device) for tensor in getattr(data, name)))
                for name in ("train", "validation", "test")
            }
        )
        for own in (load_extractor("mnistcnn", device), load_extractor("mnistcnn")):
            reference = Reference(dataset, own, "tiny")
            samples = reference.embed(images.to(device), labels.to(device))
            yield reference.measure(samples, "test", metrics).values

    with simulation() as device:
        on_cpu, on_device = list(measured(torch.device("cpu"))), list(measured(device))
    assert set(on_cpu[0]) == {"fid", "label_accuracy"}
    for ours, theirs in zip(on_device, on_cpu, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6)  # other kernels, other rounding
