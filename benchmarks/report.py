"""How long the report of a large sweep takes, and how large its page becomes.

``python -m benchmarks.report [folder=DIR] [variants=12] [seeds=5] [epochs=50]``. Writes what that
many runs leave behind: a grid of a hundred digits for each epoch, losses and diagnostics, every
metric at the last and at the best epoch with reference scores and intervals, numbers by class, a
confusion matrix, three further pictures.  Then builds their report twice and prints the time
of the second, with everything warm.  Nothing is trained; the numbers mean nothing.
"""

import lzma
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

import gan_zoo
from gan_zoo.report.build import build_report
from gan_zoo.runs.record import HISTORY_NAME, TIMING_NAME, RunRecord, write_record, write_rows

MNIST = Path(gan_zoo.__file__).parent / "data" / "files" / "mnist"
LOSSES = (
    "bce", "minimax", "lsgan", "wgan", "hinge", "fgan_kl", "fgan_reverse_kl", "fgan_pearson",
    "fgan_jensen_shannon", "rsgan", "rasgan", "ralsgan",
)  # fmt: skip
DIVERGES = "fgan_kl"  # the last of its seeds
# quantity -> its value for real images, and how far a bad generator is from it
QUALITY = {
    "fid": (7.0, 300.0), "label_accuracy": (0.995, -0.5), "precision": (0.93, -0.6),
    "recall": (0.92, -0.7), "density": (1.0, -0.8), "coverage": (0.95, -0.8),
    "kid": (0.01, 90.0), "intra_class_fid": (15.0, 500.0), "inception_score": (9.8, -6.0),
    "class_kl": (0.001, 0.5), "class_tv": (0.01, 0.4), "ms_ssim_3scale": (0.4, 0.4),
    "diversity": (22.0, -14.0), "memorisation": (1.0, 0.6), "near_training_share": (0.01, 0.02),
    "duplicates_exact": (0.0, 0.01), "duplicates_near": (0.01, 0.3),
    "parzen_log_likelihood": (230.0, -300.0),
}  # fmt: skip
BY_CLASS = ("label_accuracy", "intra_class_fid", "ms_ssim_3scale", "diversity")
PROTOCOL, VALIDATION = "mnistcnn_test_10k", "mnistcnn_validation_1k"
PARTS = [
    f"{role}_{split}_{part}"
    for role in ("generator", "discriminator")
    for split in ("train", "test")
    for part in ("loss", "generation", "auxiliary")
]


def digits() -> list[np.ndarray]:
    """Return the bundled test images by class: ten arrays (n, 28, 28) of bytes."""
    images = lzma.decompress((MNIST / "t10k-images-idx3-ubyte.xz").read_bytes())[16:]
    labels = lzma.decompress((MNIST / "t10k-labels-idx1-ubyte.xz").read_bytes())[8:]
    pixels = np.frombuffer(images, np.uint8).reshape(-1, 28, 28)
    classes = np.frombuffer(labels, np.uint8)
    return [pixels[classes == c] for c in range(10)]


def mosaic(by_class: Sequence[np.ndarray], offset: int, noise: float) -> np.ndarray:
    """Return a grid of a hundred digits, row = class, with a share of noise mixed in."""
    rows = [np.concatenate(list(images[offset : offset + 10]), axis=1) for images in by_class]
    grid = np.concatenate(rows, axis=0).astype(float)
    static = np.random.default_rng(offset).uniform(0, 255, grid.shape)
    return ((1 - noise) * grid + noise * static).astype(np.uint8)


def history(
    epochs: int, badness: float, n_critic: int, rng: np.random.Generator
) -> list[dict[str, float]]:
    """Return a row for each epoch, as the trainer writes it."""
    rows = []
    for epoch in range(1, epochs + 1):
        left = math.exp(-4 * epoch / epochs)
        updates = {
            "generator_updates": 500 * epoch,
            "discriminator_updates": 500 * epoch * n_critic,
        }
        row = {"epoch": epoch, **updates, "images_seen": 50_000 * epoch * n_critic}
        row |= {name: 0.7 + left + 0.05 * rng.normal() for name in PARTS}
        for name in ("fid", "label_accuracy"):
            real, far = QUALITY[name]
            row[f"{name}_{VALIDATION}"] = real + far * min(1.0, badness + left)
        sure = 0.5 + 0.45 * min(1.0, 1.4 * badness) * (1 - left)
        row["discriminator_accuracy_real"] = sure + 0.02 * rng.normal()
        row["discriminator_accuracy_fake"] = sure + 0.02 * rng.normal()
        row["score_real"], row["score_fake"], row["score_gap"] = sure, -sure, 2 * sure
        fall = 10 ** (-3 * badness * (1 - left) + 0.1 * rng.normal())
        row["gradient_norm_generator"], row["gradient_norm_discriminator"] = fall, 2 + left
        row["update_ratio_generator"], row["update_ratio_discriminator"] = 1e-3 * fall, 2e-3
        row["critic_lipschitz"] = 1 + badness + 0.1 * rng.normal()
        row["estimated_divergence"] = (1 - left) * badness
        rows.append(row)
    return rows


def write_tables(folder: Path, record: RunRecord, rng: np.random.Generator) -> None:
    """Numbers by class and a confusion matrix, as files of the run."""
    names = [f"{name}_{PROTOCOL}" for name in BY_CLASS]
    rows = [
        {
            "class": k,
            **{name: record.metrics[name] * math.exp(0.1 * rng.normal()) for name in names},
        }
        for k in range(10)
    ]
    write_rows(folder / "per_class.csv", rows)
    counts = rng.integers(0, 20, (10, 10)) + 900 * np.eye(10, dtype=int)
    rows = [{"label": k, **{str(i): n for i, n in enumerate(row)}} for k, row in enumerate(counts)]
    write_rows(folder / "confusion_matrix.csv", rows)
    record.artifacts |= {name: f"{name}.csv" for name in ("per_class", "confusion_matrix")}


def write_pictures(folder: Path, record: RunRecord, grids: Sequence[np.ndarray]) -> None:
    """Write a grid for each epoch, and the pictures of the last weights."""
    for part in ("samples", "pictures"):
        (folder / part).mkdir(parents=True)
    for epoch, grid in enumerate(grids, start=1):
        record.artifacts["grid"] = f"samples/plot_epoch_{epoch:03d}_generated.png"
        Image.fromarray(grid).save(folder / record.artifacts["grid"])
    last = grids[-1]
    further = {"interpolation": last.T, "class_walk": last, "nearest_neighbours": last[:, :196]}
    for name, picture in further.items():
        record.artifacts[name] = f"pictures/{name}.png"
        Image.fromarray(picture).save(folder / record.artifacts[name])


def final_metrics(badness: float, rng: np.random.Generator) -> dict[str, float | None]:
    """Every metric at the last and at the best epoch."""
    return {
        f"{prefix}{name}_{PROTOCOL}": real + far * badness * gain * math.exp(0.1 * rng.normal())
        for prefix, gain in (("", 1.0), ("best_", 0.9))
        for name, (real, far) in QUALITY.items()
    }


def write_run(
    folder: Path, loss: str, seed: int, badness: float, epochs: int, by_class: Sequence[np.ndarray]
) -> None:
    """Everything that one run leaves behind; the last seed of one loss diverged."""
    rng = np.random.default_rng([seed, int(1e6 * badness)])
    n_critic = 5 if loss == "wgan" else 1
    record = RunRecord(f"{loss}-{seed}", loss, seed, "finished")
    record.config = {"loss": {"name": loss}, "trainer": {"epochs": epochs, "n_critic": n_critic}}
    record.environment = {"gan_zoo": "0.1.0", "torch": "2.14.1", "cpu": "Example", "threads": 1}
    record.dataset = {"name": "mnist", "train": 50_000, "validation": 10_000, "test": 10_000}
    record.parameters = {"generator": 140_777, "discriminator": 75_147}
    rows = history(epochs, badness, n_critic, rng)
    record.progress = {**{name: rows[-1][name] for name in list(rows[0])[:4]}, "epochs": epochs}
    record.progress["seconds"] = 40.0 * epochs
    record.reference_scores = {
        f"{name}_{PROTOCOL}": {"real": real, "class_means": real + far, "noise": real + 1.5 * far}
        for name, (real, far) in QUALITY.items()
    }
    noises = [min(1.0, badness + math.exp(-5 * epoch / epochs)) for epoch in range(1, epochs + 1)]
    write_pictures(folder, record, [mosaic(by_class, 20 * seed, noise) for noise in noises])
    write_rows(folder / HISTORY_NAME, rows)
    timing = [
        {"epoch": k, "seconds": 40.0 * k, "images_per_second": 1250} for k in range(1, epochs + 1)
    ]
    write_rows(folder / TIMING_NAME, timing)
    if loss == DIVERGES:
        record.divergence_range = [0.0, None]
    if loss == DIVERGES and seed == 4:
        record.status = "diverged"
        record.error = {"kind": "DivergenceError", "message": "generator loss is nan", "step": 321}
    else:
        record.metrics = final_metrics(badness, rng)
        record.intervals = {
            name: [value - 0.02 * abs(value), value + 0.02 * abs(value)]
            for name, value in record.metrics.items()
            if value is not None
        }
        write_tables(folder, record, rng)
    write_record(folder, record)


def write_sweep(sweep: Path, variants: int, seeds: int, epochs: int) -> None:
    """Write the runs of so many variants and seeds."""
    by_class = digits()
    for v in range(variants):
        loss = LOSSES[v % len(LOSSES)] + (f"_{v // len(LOSSES) + 1}" if v >= len(LOSSES) else "")
        for seed in range(seeds):
            badness = 0.05 + 0.6 * v / variants + 0.02 * seed
            write_run(sweep / f"{loss}-s{seed}", loss, seed, badness, epochs, by_class)


def main(arguments: Sequence[str]) -> None:
    """Write the runs where asked for, or somewhere that is removed again; time the report."""
    options = {"variants": "12", "seeds": "5", "epochs": "50"}
    options |= dict(argument.split("=", 1) for argument in arguments)
    with tempfile.TemporaryDirectory() as somewhere:
        sweep = Path(options.get("folder", f"{somewhere}/sweep"))
        write_sweep(sweep, *(int(options[name]) for name in ("variants", "seeds", "epochs")))
        build_report([sweep])
        start = time.perf_counter()
        page = build_report([sweep])
        seconds, size = time.perf_counter() - start, page.stat().st_size / 1e6
        runs = len(list(sweep.glob("*/record.json")))
        print(f"{runs} runs of {options['epochs']} epochs: {seconds:.1f} s, page of {size:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
