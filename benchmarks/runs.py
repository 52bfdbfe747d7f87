"""Runs for a report to read: a real one of a few updates, and copies of it under other seeds."""

import shutil
from dataclasses import replace
from pathlib import Path

from benchmarks.subjects import parts
from gan_zoo.runs.record import RunSpec, read_record, write_record
from gan_zoo.training.run import run

LOSSES = ("bce", "lsgan", "wgan", "hinge")


def small_run(folder: Path) -> Path:
    """Train a run of three short epochs; return its folder."""
    whole = parts(
        "trainer.epochs=3", "trainer.max_steps=3", "evaluation.samples=100",
        "evaluation.final_samples=100", "evaluation.loss_samples=100",
        "evaluation.reference_scores=false",
    )  # fmt: skip
    run(RunSpec("0" * 12, "bce", 0), lambda: whole, folder)
    return folder


def copies_of(run_folder: Path, sweep: Path, count: int) -> None:
    """Copy a run under several losses' names and seeds, for the report to read as runs."""
    record = read_record(run_folder)
    for number in range(count):
        loss, seed = LOSSES[number % len(LOSSES)], number // len(LOSSES)
        copy = sweep / f"{loss}-s{seed}"
        shutil.copytree(run_folder, copy)
        write_record(copy, replace(record, loss=loss, seed=seed, run_id=f"{number:012d}"))
