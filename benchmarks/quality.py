"""(g): seconds of training until samples are good; and whether bf16 costs quality."""

import csv
import json
import math
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from scipy.stats import t as student

from benchmarks.rounding import round_in_training
from benchmarks.subjects import parts
from benchmarks.timing import Section, table
from benchmarks.turns import ROOT
from gan_zoo.runs.record import HISTORY_NAME, RECORD_NAME, TIMING_NAME, RunSpec
from gan_zoo.training.precision import multiplies_bf16
from gan_zoo.training.process import keep_freed_memory
from gan_zoo.training.run import run

RUNS = ROOT / "multirun" / "benchmarks"  # runs found here are read, not repeated
LABEL_ACCURACY, FID = 0.95, 250.0
CHEAP = [
    "evaluation.reference_scores=false",
    "evaluation.metrics=[fid,label_accuracy]",
    "device=cpu",
]
BF16_LOSSES, SEEDS, PRECISIONS = ("bce", "lsgan"), range(5), ("fp32", "bf16")
NARROW = [
    "model.generator.width=0.0625", "model.discriminator.width=0.0625", "trainer.batch_size=50",
    "trainer.generator_batch_size=50", "trainer.epochs=3", "trainer.max_steps=500",
    "trainer.threads=1", *CHEAP,
]  # fmt: skip


def quality() -> list[Section]:
    """(g) from what ``make run`` trains; runs that are there are not repeated."""
    sweep = RUNS / "time-to-quality"
    subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "experiment=compare_families", "device=cpu",
         f"hydra.sweep.dir={sweep}"],
        check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    rows = [
        [json.loads(path.read_text())["loss"], *reached(path.parent)]
        for path in sorted(sweep.glob(f"*/{RECORD_NAME}"))
    ]
    text = (
        f"Seconds of training (evaluations not counted) of the default model, seed 0, until label"
        f" accuracy ≥ {LABEL_ACCURACY} and FID ≤ {FID:.0f} on the validation split (1,000 samples,"
        " the shipped MNIST classifier), looked at after each epoch of 500 updates of D."
    )
    header = ["loss", "seconds", "epoch", "updates of G", "label accuracy", "FID", "threads"]
    title = "(g) Time to quality"
    return [Section(title, text, table(header, rows))]


def reached(folder: Path) -> list[str]:
    """Seconds, epoch and numbers when a run was first good enough, or its last numbers."""
    record = json.loads((folder / RECORD_NAME).read_text())
    history, timing = (read(folder / name) for name in (HISTORY_NAME, TIMING_NAME))
    row: dict[str, str] = {}
    for row, times in zip(history, timing, strict=True):
        accuracy, fid = (measured(row, name) for name in ("label_accuracy", "fid"))
        if accuracy >= LABEL_ACCURACY and fid <= FID:
            seconds = f"{float(times['seconds']):.0f}"
            break
    else:
        seconds = f"not in {float(timing[-1]['seconds']):.0f}"
    threads = str(record["environment"]["threads"])
    return [
        seconds, row["epoch"], row["generator_updates"], f"{accuracy:.3f}", f"{fid:.0f}", threads,
    ]  # fmt: skip


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a table."""
    with path.open() as file:
        return list(csv.DictReader(file))


def measured(row: dict[str, str], metric: str) -> float:
    """The validation number of that name, whatever its protocol is called."""
    (name,) = [key for key in row if key.startswith(f"{metric}_")]
    return float(row[name])


def bf16() -> list[Section]:
    """Whether bf16 costs quality: the same seeds in both precisions, two processes at a time."""
    jobs = [(p, loss, seed) for loss in BF16_LOSSES for seed in SEEDS for p in PRECISIONS]

    def train(job: tuple[str, str, int]) -> None:
        if not (folder_of(*job) / RECORD_NAME).exists():
            subprocess.run(
                [sys.executable, "-m", "benchmarks.quality", *map(str, job)],
                check=True, cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            )  # fmt: skip

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(train, jobs))
    rows = []
    for loss in BF16_LOSSES:
        for metric, digits in (("fid", 1), ("label_accuracy", 3)):
            pairs = [[final(folder_of(p, loss, s), metric) for p in PRECISIONS] for s in SEEDS]
            rows.append([f"{loss}, {metric.replace('_', ' ')}", *compared(pairs, digits)])
    native = multiplies_bf16(torch.device("cpu"))
    how = "by the processor's units" if native else "emulated (`benchmarks/rounding.py`)"
    text = (
        f"bf16 products, {how}, against fp32: AC-GAN at a sixteenth of the document's width, 1,500"
        f" updates with batches of 50, {len(SEEDS)} seeds each; final numbers (10,000 samples, test"
        " split), mean ± standard deviation over seeds, and the mean difference seed by seed with"
        " its 95% interval (Student's t)."
    )
    header = ["", *PRECISIONS, "bf16 - fp32", "95% interval", "within seed noise"]
    return [Section("Quality under bf16", text, table(header, rows))]


def compared(pairs: list[list[float]], digits: int) -> list[str]:
    """Means, standard deviations, and what the paired difference says.

    Within seed noise: 0 is in the interval, and the difference below the seeds' standard deviation.
    """
    columns = list(zip(*pairs, strict=True))
    told = [f"{statistics.mean(c):.{digits}f} ± {statistics.stdev(c):.{digits}f}" for c in columns]
    differences = [b - a for a, b in pairs]
    mean = statistics.mean(differences)
    error = statistics.stdev(differences) / math.sqrt(len(pairs))
    half = float(student.ppf(0.975, len(pairs) - 1)) * error
    inside = abs(mean) <= half and abs(mean) < statistics.stdev(columns[0])
    interval = f"{mean - half:+.{digits}f} to {mean + half:+.{digits}f}"
    return [*told, f"{mean:+.{digits}f}", interval, "yes" if inside else "no"]


def final(folder: Path, metric: str) -> float:
    """A final number of a run on the test split."""
    metrics = json.loads((folder / RECORD_NAME).read_text())["metrics"]
    (name,) = [key for key in metrics if key.startswith(f"{metric}_")]
    return float(metrics[name])


def folder_of(precision: str, loss: str, seed: int) -> Path:
    """Where a run of ``bf16`` lies."""
    return RUNS / f"bf16-quality-{loss}-s{seed}-{precision}"


def train_one(precision: str, loss: str, seed: int) -> None:
    """A run of ``bf16`` in this process."""
    keep_freed_memory()
    whole = parts(f"loss={loss}", f"seed={seed}", f"trainer.precision={precision}", *NARROW)
    if precision == "bf16" and not multiplies_bf16(torch.device("cpu")):
        whole.trainer.precision = "fp32"
        prepare = precision.prepare

        def emulated(network: torch.nn.Module, how: precision.Execution, **told: bool) -> None:
            prepare(network, how, **told)
            round_in_training(network)

        import gan_zoo.training.build

        gan_zoo.training.build.prepare = emulated  # type: ignore[attr-defined]
    run(RunSpec("0" * 12, loss, seed), lambda: whole, folder_of(precision, loss, seed))


if __name__ == "__main__":
    train_one(sys.argv[1], sys.argv[2], int(sys.argv[3]))
