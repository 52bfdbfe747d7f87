"""How long the report of a large sweep takes, and how large its page becomes.

``python -m benchmarks.report [folder=DIR] [variants=12] [seeds=5] [epochs=50]``.  Writes the records
of that many runs, as the trainer leaves them: a grid of a hundred digits for each epoch, every
metric at the last and at the best epoch with floors and intervals, numbers by class, a confusion
matrix, three further pictures.  Then builds their report twice and prints what the second took,
with everything warm.  Nothing is trained; the numbers mean nothing.
"""

import json
import lzma
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import gan_zoo
from gan_zoo.report import build_report
from tests.report.conftest import history_rows, write_run

MNIST = Path(gan_zoo.__file__).parent / "data" / "files" / "mnist"
LOSSES = (
    "bce", "minimax", "lsgan", "wgan", "hinge", "fgan_kl", "fgan_reverse_kl", "fgan_pearson",
    "fgan_jensen_shannon", "rsgan", "rasgan", "ralsgan",
)  # fmt: skip
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
PROTOCOL = "mnistcnn_test_10k"


def digits() -> list[np.ndarray]:
    """The bundled test images by class: ten arrays (n, 28, 28) of bytes."""
    images = lzma.decompress((MNIST / "t10k-images-idx3-ubyte.xz").read_bytes())[16:]
    labels = lzma.decompress((MNIST / "t10k-labels-idx1-ubyte.xz").read_bytes())[8:]
    pixels = np.frombuffer(images, np.uint8).reshape(-1, 28, 28)
    classes = np.frombuffer(labels, np.uint8)
    return [pixels[classes == c] for c in range(10)]


def mosaic(by_class: Sequence[np.ndarray], offset: int, noise: float, seed: int) -> np.ndarray:
    """A grid of a hundred digits, row = class, with a share of noise mixed in."""
    rng = np.random.default_rng(seed)
    rows = [np.concatenate(list(images[offset : offset + 10]), axis=1) for images in by_class]
    grid = np.concatenate(rows, axis=0).astype(float)
    return ((1 - noise) * grid + noise * rng.uniform(0, 255, grid.shape)).astype(np.uint8)


def metrics(badness: float, rng: np.random.Generator) -> dict[str, float]:
    """Final numbers at the last and at the best epoch."""
    return {
        f"{prefix}{name}_{PROTOCOL}": real + far * badness * gain * math.exp(0.1 * rng.normal())
        for prefix, gain in (("", 1.0), ("best_", 0.9))
        for name, (real, far) in QUALITY.items()
    }


def history(epochs: int, badness: float, critic_steps: int, seed: int) -> list[dict[str, Any]]:
    """Losses and diagnostics of every epoch; two metrics of the validation split."""
    rows = history_rows(epochs, seed, critic_steps, scale=0.7 + badness)
    for row in rows:
        left = math.exp(-4 * row["epoch"] / epochs)
        for name in ("fid", "label_accuracy"):
            real, far = QUALITY[name]
            row[f"{name}_mnistcnn_validation_1k"] = real + far * min(1.0, badness + left)
        row["gradient_norm_generator"] *= 10 ** (-2 * badness * (1 - left))
        row["update_ratio_generator"] = 1e-3 * (1 + left)
        row["update_ratio_discriminator"] = 2e-3 * (1 + left)
        row["score_gap"], row["critic_lipschitz"] = 1 - left, 1 + badness
    return rows


def picture(folder: Path, record: dict[str, Any], name: str, pixels: np.ndarray) -> None:
    """A further picture of a run."""
    (folder / "pictures").mkdir(exist_ok=True)
    Image.fromarray(pixels).save(folder / "pictures" / f"{name}.png")
    record["artifacts"][name] = f"pictures/{name}.png"


def tables(folder: Path, record: dict[str, Any], rng: np.random.Generator) -> None:
    """Numbers by class and a confusion matrix, as files of the run."""
    names = [f"{name}_{PROTOCOL}" for name in BY_CLASS]
    rows = [
        [record["metrics"][name] * math.exp(0.1 * rng.normal()) for name in names]
        for _ in range(10)
    ]
    lines = [",".join(["class", *names])]
    lines += [",".join(map(str, [k, *row])) for k, row in enumerate(rows)]
    (folder / "per_class.csv").write_text("\n".join(lines) + "\n")
    counts = rng.integers(0, 20, (10, 10)) + 900 * np.eye(10, dtype=int)
    lines = [",".join(["label", *map(str, range(10))])]
    lines += [",".join(map(str, [k, *row])) for k, row in enumerate(counts)]
    (folder / "confusion_matrix.csv").write_text("\n".join(lines) + "\n")
    record["artifacts"] |= {
        "per_class": "per_class.csv",
        "confusion_matrix": "confusion_matrix.csv",
    }


def write_sweep(sweep: Path, variants: int, seeds: int, epochs: int) -> None:
    """Records of every variant and seed; one run of the sixth variant diverged."""
    by_class = digits()
    floors = {
        f"{name}_{PROTOCOL}": {
            "real": real,
            "class_means": real + far,
            "kernel_density": real + far / 3,
        }
        for name, (real, far) in QUALITY.items()
    }
    for number in range(variants * seeds):
        v, seed = divmod(number, seeds)
        loss = LOSSES[v % len(LOSSES)] + ("" if v < len(LOSSES) else f"_{v // len(LOSSES) + 1}")
        rng = np.random.default_rng(number)
        badness = 0.05 + 0.6 * v / variants + 0.1 * rng.random()
        critic_steps = 5 if loss == "wgan" else 1
        grids = {
            epoch: mosaic(
                by_class, 20 * seed, min(1.0, badness + math.exp(-5 * epoch / epochs)), number
            )
            for epoch in range(1, epochs + 1)
        }
        lost = v == 5 and seed == seeds - 1
        found = {} if lost else metrics(badness, rng)
        folder = write_run(
            sweep / f"{loss}-s{seed}", loss, seed, "diverged" if lost else "finished", found,
            epochs=epochs, critic_steps=critic_steps,
            history=history(epochs, badness, critic_steps, number), grids=grids,
            error={"kind": "Diverged", "message": "generator loss is nan", "step": 321} if lost else None,
            floors=floors, intervals={n: [x - 0.02 * abs(x), x + 0.02 * abs(x)] for n, x in found.items()},
        )  # fmt: skip
        if lost:
            continue
        record = json.loads((folder / "record.json").read_text())
        tables(folder, record, rng)
        last = grids[epochs]
        picture(folder, record, "interpolation", last.T)
        picture(folder, record, "class_walk", last)
        picture(folder, record, "nearest_neighbours", last[:, :196])
        (folder / "record.json").write_text(json.dumps(record))


def main(arguments: Sequence[str]) -> None:
    """Write the records where asked for, or somewhere that is removed again; time the report."""
    options = {"variants": "12", "seeds": "5", "epochs": "50"}
    options |= dict(argument.split("=", 1) for argument in arguments)
    with tempfile.TemporaryDirectory() as somewhere:
        sweep = Path(options.get("folder", f"{somewhere}/sweep"))
        write_sweep(sweep, *(int(options[name]) for name in ("variants", "seeds", "epochs")))
        build_report([sweep])
        start = time.perf_counter()
        page = build_report([sweep])
        seconds = time.perf_counter() - start
        size = page.stat().st_size / 1e6
        print(
            f"{len(list(sweep.glob('*/record.json')))} runs, {options['epochs']} epochs: ", end=""
        )
        print(f"report in {seconds:.1f} s, page of {size:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
