"""(d): a sweep as one worker with two threads, and as two workers with one."""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from benchmarks.step import fp32
from benchmarks.timing import Section, interleaved, ratios, seconds_of, spread, table
from benchmarks.turns import ROOT, Worker

ROUNDS, JOBS, STEPS = 2, 4, 150
SINGLE, ONE, TWO = "1 worker x 1 thread", "1 worker x 2 threads", "2 workers x 1 thread"
SHORT = [
    "device=cpu", "trainer.epochs=1", f"trainer.max_steps={STEPS}", "evaluation.samples=100",
    "evaluation.final_samples=100", "evaluation.loss_samples=100",
    "evaluation.reference_scores=false",
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
    """Measure updates alone, and the whole command, imports, evaluations and report included."""
    return [updates("infogan", 60, 10), updates("acgan", 1, 3), whole_command()]


def updates(model: str, count: int, rounds: int) -> Section:
    """Measure the throughput of training alone, ``count`` updates at a time."""
    command = ("-m", "benchmarks.worker", "ours", model, *fp32())
    with ExitStack() as stack:

        def worker(threads: int, core: int | None = None) -> Worker:
            made = Worker(*command, environment={"OMP_NUM_THREADS": f"{threads}"})
            if core is not None and hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(made.process.pid, {core})
            return stack.enter_context(made)

        ways = {SINGLE: [worker(1, 0)], ONE: [worker(2)], TWO: [worker(1, 0), worker(1, 1)]}
        found = interleaved(
            {
                name: lambda workers=workers: together(workers, count)
                for name, workers in ways.items()
            },
            rounds,
        )
    each = {name: [seconds / count / len(ways[name]) for seconds in found[name]] for name in ways}
    rows = [
        [
            name, spread(values, 1000, 1),
            spread(ratios(each[SINGLE], values)), spread(ratios(each[ONE], values)),
        ]
        for name, values in each.items()
    ]  # fmt: skip
    text = (
        f"`{model}`, no evaluations: the time of an update (D and G step) by all workers together."
        " Workers with one thread stay on a core each."
    )
    header = ["", "ms an update", f"times the updates of {SINGLE}", f"of {ONE}"]
    return Section(f"(d) Updates on two cores, {model}", text, table(header, rows))


def together(workers: list[Worker], count: int) -> float:
    """Seconds for ``count`` updates of each worker, all at the same time."""

    def work(worker: Worker) -> None:
        for _ in range(count):
            worker()

    with ThreadPoolExecutor(len(workers)) as threads:
        return seconds_of(lambda: list(threads.map(work, workers)))


def whole_command() -> Section:
    """From the command to its report."""
    sweep = ["-m", "loss=bce,lsgan", "seed=0,1", *SHORT]
    ways = {
        ONE: ["trainer.threads=2"],
        TWO: ["hydra/launcher=processes", "hydra.launcher.n_jobs=2"],
    }
    found = interleaved(
        {name: lambda way=way: seconds_of(lambda: run(*sweep, *way)) for name, way in ways.items()},
        ROUNDS,
        warm_up=0,
    )
    rows = [
        [name, spread(values, digits=0), f"{JOBS * 3600 / min(values):.0f}",
         spread(ratios(found[ONE], values))]
        for name, values in found.items()
    ]  # fmt: skip
    header = ["", "seconds", "runs an hour (best)", "times the throughput"]
    text = (
        f"`run.py -m loss=bce,lsgan seed=0,1` with {STEPS} updates of the default model each, from"
        f" the command to its report; {ROUNDS} rounds in turn."
    )
    return Section("(d) Sweep throughput on two cores", text, table(header, rows))
