"""(d): a sweep as one worker with two threads, and as two workers with one."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import Section, interleaved, ratios, seconds_of, spread, table
from benchmarks.turns import ROOT

ROUNDS, JOBS, STEPS = 2, 4, 150
SHORT = [
    "device=cpu", "trainer.epochs=1", f"trainer.max_steps={STEPS}", "evaluation.samples=100",
    "evaluation.final_samples=100", "evaluation.loss_samples=100", "evaluation.floors=false",
    "evaluation.metrics=[fid,label_accuracy]",
]  # fmt: skip


def run(*arguments: str) -> None:
    """``run.py`` in a process of its own, in an empty folder.

    Raises:
        subprocess.CalledProcessError: it failed; what it said is printed.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("OMP_NUM_THREADS", None)  # each way sets its own
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *arguments],
            cwd=Path(folder), env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        done.check_returncode()


def sweeps() -> list[Section]:
    """The whole command, imports, evaluations and report included."""
    sweep = ["-m", "loss=bce,lsgan", "seed=0,1", *SHORT]
    ways = {
        "1 worker x 2 threads": ["trainer.threads=2"],
        "2 workers x 1 thread": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    }
    found = interleaved(
        {name: lambda way=way: seconds_of(lambda: run(*sweep, *way)) for name, way in ways.items()},
        ROUNDS,
        warm_up=0,
    )
    one = found["1 worker x 2 threads"]
    rows = [
        [name, spread(values, digits=0), f"{JOBS * 3600 / min(values):.0f}",
         spread(ratios(one, values))]
        for name, values in found.items()
    ]  # fmt: skip
    header = ["", "seconds", "runs an hour (best)", "times the throughput"]
    text = (
        f"`run.py -m loss=bce,lsgan seed=0,1` with {STEPS} updates of the default model each, from"
        f" the command to its report; {ROUNDS} rounds in turn."
    )
    title = "(d) Sweep throughput on two cores"
    return [Section(title, text, table(header, rows))]
