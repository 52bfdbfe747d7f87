"""A small study by hand: run folders of all five stages, whose numbers a test can work out."""

import math

import numpy as np
import pytest
from PIL import Image

from gan_zoo.experiments import study
from gan_zoo.report.load import load
from tests.report.conftest import write_run

MIDDLES = {"lsgan": 9.0, "bce": 10.0, "fgan_gan": 10.05, "fgan_kl": 11.0, "minimax": 14.0,
           "wgan": 20.0, "hinge": 10.5, "r1": 30.0}  # fmt: skip
FLOORS = {
    "fid_mnistcnn_test_10k": {"real": 3.0, "kernel_density": 95.0},
    "recall_mnistcnn_test_10k": {"real": 0.94, "kernel_density": 0.42},
    "precision_mnistcnn_test_10k": {"real": 0.93, "kernel_density": 0.98},
}


def history(rng, fid, critic_steps, gradient):
    rows = []
    for epoch in range(1, 5):
        updates = min(781 * epoch, 3000)
        loss = 1.0 + 0.1 * epoch + float(rng.normal(0, 0.03))
        rows.append({
            "epoch": epoch, "generator_updates": updates // critic_steps,
            "discriminator_updates": updates, "images_seen": 64 * updates,
            "gradient_norm_generator": gradient * math.exp(float(rng.normal(0, 0.1))) / epoch,
            "discriminator_test_generation": loss, "generator_test_generation": 1.5 - loss / 3,
            "ema_fid_mnistcnn_validation_1k": 4 + fid * 8 / epoch,
            "ema_label_accuracy_mnistcnn_validation_1k": 0.9 + 0.02 * epoch,
        })  # fmt: skip
    return rows


def one_run(folder, stage, loss, seed, middle, words=(), lost=False, config=None, validation=None):
    rng = np.random.default_rng([seed, sum(map(ord, loss + stage + "".join(words)))])
    fid = middle * math.exp(float(rng.normal(0, 0.04)))
    metrics = {
        "fid_mnistcnn_test_10k": 1.2 * fid,
        "ema_fid_mnistcnn_test_10k": fid,
        "ema_label_accuracy_mnistcnn_test_10k": 0.99 + float(rng.normal(0, 0.002)),
        "ema_precision_mnistcnn_test_10k": 0.9 + float(rng.normal(0, 0.01)),
        "ema_recall_mnistcnn_test_10k": 0.8 - middle / 100 + float(rng.normal(0, 0.005)),
        "ema_kid_mnistcnn_test_10k": 2 * fid + float(rng.normal(0, 0.5)),
    }
    critic_steps = 2 if loss == "wgan" else 1
    rates = {"discriminator": {"lr": 1e-3}, "generator": {"lr": 2e-3}}
    rates = (config or {}).get("optimizer", rates)
    best = {"epoch": 4, "metric": "fid_mnistcnn_validation_1k", "value": validation or fid + 4}
    return write_run(
        folder / f"study_{stage}" / f"{loss}-s{seed}-{len(list(folder.rglob('record.json')))}",
        loss, seed, "diverged" if lost else "finished", {} if lost else metrics,
        [f"+experiment=study_{stage}", *words], 4, critic_steps,
        history(rng, fid, critic_steps, 0.5 if loss == "minimax" else 2.0),
        {4: np.tile(np.arange(28, dtype=np.uint8) * (1 + seed), (28, 1))},
        run_id=f"{stage}-{loss}-{seed}-{'-'.join(words)}",
        config={"loss": {"_target_": loss}, "seed": seed, "optimizer": rates},
        floors=FLOORS, best={} if lost else {"generator": best},
        progress={"epoch": 4, "epochs": 4, "generator_updates": 3000 // critic_steps,
                  "discriminator_updates": 3000, "images_seen": 192_000,
                  "seconds": 100.0 * critic_steps + seed + float(rng.normal(0, 1))},
        environment={"gan_zoo": "0.1.0", "commit": "0123abc", "python": "3.11.7", "torch": "2.14.1",
                     "numpy": "2.4.6", "cpu": "Example CPU", "cores": 2, "threads": 1,
                     "device": "cpu", "precision": "bf16",
                     "extractor": {"name": "mnistcnn", "sha256": "ab" * 32}},
        error={"kind": "DivergenceError", "message": "loss is\nnan"} if lost else None,
    )  # fmt: skip


def write_mnist(folder, seeds=10):
    """Every loss with these seeds; every fifth run of r1 diverged."""
    for seed in range(seeds):
        for loss, middle in MIDDLES.items():
            one_run(folder, "mnist", loss, seed, middle, lost=loss == "r1" and seed % 5 == 4)


def write_fashion(folder, seeds=5):
    for seed in range(seeds):
        for loss, middle in MIDDLES.items():
            one_run(folder, "fashion", loss, seed, 3 * middle)


def write_search(folder):
    """Six settings of two losses; the third is best on validation, the last diverged."""
    for number in range(6):
        for loss in ("bce", "wgan"):
            words = [f"optimizer.discriminator.lr={1e-4 * (number + 1):g}"]
            one_run(folder, "search", loss, 0, MIDDLES[loss] + 3 * number, words,
                    lost=number == 5, validation=15.0 + (number - 2) ** 2)  # fmt: skip
    for seed in range(100, 105):
        for loss in ("bce", "wgan"):
            words = ["optimizer.discriminator.lr=0.0003"]
            one_run(folder, "winners", loss, seed, MIDDLES[loss] - 1, words)


def write_stress(folder):
    """Three bad settings of two losses; one run of wgan at five times its rates diverged."""
    settings = {
        ("optimizer.discriminator.lr=0.005", "optimizer.generator.lr=0.01"): 5.0,
        ("model.generator.norm=none",): 1.0,
        ("data=mnist_few", "data.train=500"): 1.0,
    }
    for words, factor in settings.items():
        config = {"optimizer": {"generator": {"lr": 2e-3 * factor}}}
        for loss in ("bce", "wgan"):
            for seed in range(3):
                lost = factor == 5.0 and loss == "wgan" and seed == 0
                one_run(folder, "stress", loss, seed, 2 * MIDDLES[loss], words, lost, config)


def write_study(folder):
    """Write the run folders of all five stages."""
    for stage in (write_mnist, write_fashion, write_search, write_stress):
        stage(folder)
    return folder


@pytest.fixture(name="one_run")
def _one_run():
    return one_run


@pytest.fixture(scope="session")
def sweeps(tmp_path_factory):
    """Folders of all five stages."""
    return write_study(tmp_path_factory.mktemp("multirun"))


@pytest.fixture(scope="session")
def data(sweeps):
    """Their tables."""
    return study.tabulate(load([sweeps]).runs)


@pytest.fixture(scope="session")
def picture():
    return lambda path: np.asarray(Image.open(path))
