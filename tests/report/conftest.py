"""Run folders as the trainer leaves them, made by hand: numbers that a test can work out."""

import csv
import json
import math

import numpy as np
import pytest
from PIL import Image

from gan_zoo.report.comparison import compare
from gan_zoo.report.load import load
from gan_zoo.report.page import render
from gan_zoo.report.pictures import sample_strips
from gan_zoo.report.search import search_all

SPLITS = [
    f"{role}_{split}_{part}"
    for role in ("generator", "discriminator")
    for split in ("train", "test")
    for part in ("loss", "generation", "auxiliary")
]
DIAGNOSTICS = [
    "discriminator_accuracy_real",
    "discriminator_accuracy_fake",
    "score_real",
    "score_fake",
    "gradient_norm_generator",
    "gradient_norm_discriminator",
]
VALIDATION = ["label_accuracy_mnistcnn_validation_1k", "fid_mnistcnn_validation_1k"]


def history_rows(epochs, seed=0, critic_steps=1, scale=1.0):
    """Plausible curves; every number a plain function of epoch and seed."""
    rng = np.random.default_rng(seed)
    rows = []
    for epoch in range(1, epochs + 1):
        progress = 1 - math.exp(-3 * epoch / epochs)
        row = {
            "epoch": epoch,
            "generator_updates": 100 * epoch,
            "discriminator_updates": 100 * epoch * critic_steps,
            "images_seen": 10_000 * epoch * critic_steps,
        }
        noise = rng.normal(0, 0.03, len(SPLITS) + len(DIAGNOSTICS))
        for name, wobble in zip(SPLITS, noise, strict=False):
            row[name] = scale * (1.4 - 0.7 * progress + wobble)
        for name, wobble in zip(DIAGNOSTICS, noise[len(SPLITS) :], strict=True):
            row[name] = 0.6 + 0.3 * math.exp(-progress * scale) + wobble
        measured = epoch % 2 == 0 or epoch == epochs
        row[VALIDATION[0]] = min(1.0, 0.1 + 0.88 * progress + noise[0] / 3) if measured else ""
        row[VALIDATION[1]] = (
            3 + 200 * scale * (1 - progress) * math.exp(noise[1]) if measured else ""
        )
        rows.append(row)
    return rows


def write_rows(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_run(
    folder,
    loss="bce",
    seed=0,
    status="finished",
    metrics=None,
    overrides=(),
    epochs=4,
    critic_steps=1,
    history=None,
    grids=None,
    **record,
):
    """Write one run folder; ``record`` overrides any field of record.json."""
    folder.mkdir(parents=True)
    rows = history_rows(epochs, seed, critic_steps) if history is None else history
    if rows:
        write_rows(folder / "history.csv", rows)
        timing = [
            {"epoch": row["epoch"], "seconds": 2.0 * row["epoch"], "images_per_second": 5000}
            for row in rows
        ]
        write_rows(folder / "timing.csv", timing)
    artifacts = {}
    for epoch, image in (grids or {}).items():
        name = f"samples/plot_epoch_{epoch:03d}_generated.png"
        (folder / "samples").mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / name)
        artifacts = {"grid": name}
    content = {
        "run_id": f"{loss}-{seed}-{'-'.join(overrides)}",
        "loss": loss,
        "seed": seed,
        "status": status,
        "overrides": list(overrides),
        "config": {
            "loss": {"name": loss},
            "trainer": {"epochs": epochs, "n_critic": critic_steps},
            "seed": seed,
        },
        "environment": {
            "gan_zoo": "0.1.0",
            "commit": "0123abc",
            "python": "3.11.7",
            "torch": "2.14.1",
            "cpu": "Example CPU",
            "cores": 2,
            "threads": 1,
            "device": "cpu",
            "precision": "fp32",
        },
        "dataset": {
            "name": "mnist",
            "train": 50_000,
            "validation": 10_000,
            "test": 10_000,
            "sha256": "ab" * 32,
        },
        "parameters": {"generator": 1000, "discriminator": 500},
        "progress": {
            "epoch": epochs,
            "epochs": epochs,
            "generator_updates": 100 * epochs,
            "discriminator_updates": 100 * epochs * critic_steps,
            "images_seen": 10_000 * epochs * critic_steps,
            "seconds": 2.0 * epochs,
        },
        "metrics": metrics or {},
        "error": None,
        "artifacts": artifacts,
        "started": "2026-11-24T08:00:00+00:00",
        "ended": "2026-11-24T08:10:00+00:00",
        "schema_version": 1,
        **record,
    }
    (folder / "record.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(name="write_run")
def _write_run():
    return write_run


@pytest.fixture
def compared():
    """The comparison of all runs below the given folders."""
    return lambda *folders: compare(load(folders))


@pytest.fixture
def page(compared):
    """The page of a folder, without the files beside it."""

    def made(folder):
        comparison = compared(folder)
        return render(comparison, sample_strips(comparison.variants), search_all(comparison))

    return made


def grey():
    """A cheap 280x280 picture."""
    return np.tile(np.arange(280, dtype=np.uint8) % 251, (280, 1))


@pytest.fixture(name="grey", scope="session")
def _grey():
    return grey()


def write_four_variants(sweep):
    """Four losses, three seeds, one of the twelve diverged."""
    for number in range(12):
        v, seed = divmod(number, 3)
        loss = ("bce", "wgan", "lsgan", "fgan_kl")[v]
        metrics = {
            "label_accuracy_mnistcnn_test_10k": 0.9 + 0.01 * seed + 0.02 * v,
            "fid_mnistcnn_test_10k": 10.0 + seed + 5 * v,
            "precision_mnistcnn_test_10k": 0.8 + 0.01 * seed,
            "recall_mnistcnn_test_10k": 0.7 - 0.02 * v,
            "kid_mnistcnn_test_10k": 0.001 * (v + seed),
        }
        lost = loss == "fgan_kl" and seed == 2
        error = {"kind": "DivergenceError", "message": "generator loss is nan", "step": 321}
        write_run(
            sweep / str(number),
            loss,
            seed,
            "diverged" if lost else "finished",
            {} if lost else metrics,
            critic_steps=5 if loss == "wgan" else 1,
            grids={2: grey(), 4: grey().T},
            error=error if lost else None,
        )
    return sweep


@pytest.fixture
def four_variants(tmp_path):
    return write_four_variants(tmp_path / "sweep")


@pytest.fixture
def small(tmp_path, write_run, grey):
    """Two variants, two seeds, quick to draw."""
    history = [{"epoch": e, "fid_m_validation_1k": 9.0 - e, "seconds": e} for e in (1, 2)]
    for number in range(4):
        v, seed = divmod(number, 2)
        metrics = {"fid_m_test_1k": 3.0 + v + seed}
        write_run(
            tmp_path / "sweep" / str(number), ("bce", "wgan")[v], seed, metrics=metrics,
            history=history, grids={1: grey, 2: grey.T},
        )  # fmt: skip
    return tmp_path / "sweep"


@pytest.fixture
def hostile():
    """A name that tries to leave every context it is put into."""
    return "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}$x^$</style>--><!--"


@pytest.fixture(scope="session")
def four_variants_at():
    """``write_four_variants`` for fixtures that outlive a test."""
    return write_four_variants
