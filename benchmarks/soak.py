"""Kill workers and damage files at random amid a sweep, and prove that no number is any other.

``python -m benchmarks.soak [runs=40] [kills=30] [workers=2] [out=FOLDER] [seed=0]``.  A sweep of
short runs of the default network, each loss with its own recipe, is done twice: undisturbed, and by
workers that all issue the same sweep into one folder and share it by its locks.  Those are killed
(SIGKILL) at random moments of a run, files of the runs (records and states) are cut off, emptied,
overwritten or have a bit flipped, and the sweep is issued again until it is done.  Ends with exit
code 1 if a run is lost, there twice, or different.
"""

import multiprocessing
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from gan_zoo.cli.options import parse
from gan_zoo.runs.lock import alive, owner
from gan_zoo.runs.record import RECORD_NAME, RecordError, RunRecord, read_record
from gan_zoo.runs.resume import ENDED

LOSSES = ("bce", "wgan", "r3gan", "lecam", "sngan")
SHORT = [  # sizes alone: networks, optimizers and memory format are those of every run
    "trainer.epochs=4", "trainer.max_steps=6", "trainer.batch_size=16",
    "trainer.generator_batch_size=16", "trainer.ema_decay=0.999", "trainer.threads=1",
    "trainer.keep_checkpoints=1", "evaluation.samples=20", "evaluation.final_samples=50",
    "evaluation.loss_samples=20", "evaluation.metrics=[fid,label_accuracy]",
    "evaluation.reference_scores=false", "evaluation.pictures=8", "device=cpu",
    "hydra.sweeper.max_batch_size=10",
]  # fmt: skip
# What a run's numbers are; seconds, dates and the interruptions are none.
NUMBERS = (
    "run_id", "status", "metrics", "intervals", "best", "progress", "collapses", "rollbacks",
    "measured_epoch",
)  # fmt: skip
Job = tuple[str, int]  # loss, seed
Run = tuple[RunRecord, dict[str, bytes]]  # a record, and files by name
CONTEXT = multiprocessing.get_context("forkserver")


@dataclass
class Options:
    """The command's words."""

    runs: int = 40
    kills: int = 30
    workers: int = 2
    out: str = ""  # a folder that does not exist; empty: a temporary one
    seed: int = 0  # of the disturbances

    def __post_init__(self) -> None:
        for name, least in (("runs", 1), ("kills", 0), ("workers", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; allowed: {least} or more")


def sweep(folder: str, losses: list[str], seeds: list[int], log: str) -> None:
    """Issue the sweep, in a process of its own: what ``python run.py -m ...`` does."""
    _write_to(log)
    sys.argv = ["run.py", "-m", f"loss={','.join(losses)}", f"seed={','.join(map(str, seeds))}",
                f"hydra.sweep.dir={folder}", *SHORT]  # fmt: skip
    from gan_zoo.cli import train
    from gan_zoo.data import mnist

    # Most of a short sweep's time, and no number.
    train.sweep._report = print  # type: ignore[assignment]
    mnist.load_mnist = cache(mnist.load_mnist)
    train.main()


def train(words: list[str], folder: Path) -> None:
    """One run, in a process of its own; what it prints goes beside its folder.

    Here for the tests: a process that is started imports it by name, and other packages' ``tests``
    hide ours.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_to(str(folder.with_suffix(".log")))
    import gan_zoo

    gan_zoo.train(words, folder=folder)


def _write_to(log: str) -> None:
    """Append to a file what this process prints."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)


def start(folder: Path, jobs: list[Job], first: Job | None = None) -> ForkServerProcess:
    """Start a worker at the job ``first``; modules are imported once for all workers."""
    losses = _from(first and first[0], [loss for loss, _ in jobs])
    seeds = _from(first and first[1], [seed for _, seed in jobs])
    CONTEXT.set_forkserver_preload(
        ["gan_zoo.cli.train", "gan_zoo.training.loop", "gan_zoo.report.build"]
    )
    log = f"{folder}.log"
    process = CONTEXT.Process(target=sweep, args=(str(folder), losses, seeds, log))
    process.start()
    return process


def disturb(folder: Path, jobs: list[Job], options: Options) -> tuple[int, int]:
    """Let workers do the sweep while they are killed; how many kills and damaged files.

    All issue the same sweep, each in another order: beginning with a job that is not done spares
    passing over all that are. The kills are spread: the next one waits for its share of the runs.
    """
    rng = random.Random(options.seed)

    def begin() -> ForkServerProcess:
        done = outcome(folder)
        return start(folder, jobs, rng.choice([job for job in jobs if job not in done] or jobs))

    workers = [begin() for _ in range(options.workers)]
    kills = damaged = 0
    while kills < options.kills:
        time.sleep(rng.uniform(0, 1.5))
        number = rng.randrange(len(workers))
        victim = workers[number]
        if not victim.is_alive():
            workers[number] = begin()
        elif len(outcome(folder)) < 0.9 * len(jobs) * kills / options.kills:
            continue
        elif _is_training(folder, victim.pid):
            victim.kill()
            victim.join()
            kills += 1
            damaged += damage(folder, rng)
            workers[number] = begin()
    for worker in workers:
        worker.join()
    return kills, damaged


def damage(folder: Path, rng: random.Random) -> int:
    """Damage one file of a run that nobody trains: how many there were to damage (0 or 1)."""
    files = [
        path
        for pattern in (f"*/{RECORD_NAME}", "*/checkpoints/state*.pt")
        for path in sorted(folder.glob(pattern))
        if not alive(folder / path.relative_to(folder).parts[0])
    ]
    if not files:
        return 0
    path = rng.choice(files)
    content = bytearray(path.read_bytes())
    kind = rng.choice(("cut", "empty", "replace", "flip")) if content else "replace"
    if kind == "cut":
        content = content[: rng.randrange(len(content))]
    elif kind == "empty":
        content = bytearray()
    elif kind == "replace":
        content = bytearray(rng.randbytes(100))
    else:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    return 1


def outcome(folder: Path) -> dict[Job, list[Run]]:
    """Every run that ended, by loss and seed: its record, and the files that hold its numbers."""
    found: dict[Job, list[Run]] = {}
    for path in sorted(folder.glob(f"*/{RECORD_NAME}")):
        try:
            record = read_record(path.parent)
        except RecordError:
            continue
        if record.status in ENDED:
            files = [path.parent / "history.csv", *path.parent.glob("checkpoints/params_*")]
            content = {file.name: file.read_bytes() for file in files}
            found.setdefault((record.loss, record.seed), []).append((record, content))
    return found


def different(one: Run, two: Run) -> bool:
    """Whether two runs differ in a number."""
    numbers = [{name: getattr(record, name) for name in NUMBERS} for record, _ in (one, two)]
    for each in numbers:
        each["progress"] = {k: v for k, v in each["progress"].items() if k != "seconds"}
    return numbers[0] != numbers[1] or one[1] != two[1]


def soak(options: Options, folder: Path) -> bool:
    """Do it all and print what came out; whether all is well."""
    losses = LOSSES[: options.runs]
    jobs = [(loss, seed) for seed in range(-(-options.runs // len(losses))) for loss in losses]
    began = time.perf_counter()
    if len(outcome(folder / "undisturbed")) < len(jobs):  # not done by an earlier soak in ``out``
        start(folder / "undisturbed", jobs).join()
    expected = outcome(folder / "undisturbed")
    print(f"undisturbed: {len(expected)} runs, {time.perf_counter() - began:.0f} s", flush=True)
    began = time.perf_counter()
    kills, damaged = disturb(folder / "disturbed", jobs, options)
    issued = 0
    while True:
        issued += 1
        last = start(folder / "disturbed", jobs)
        last.join()
        if last.exitcode == 0 or issued == 10:
            break
    found = outcome(folder / "disturbed")
    lost = [job for job in jobs if job not in found or job not in expected]
    twice = [job for job in found if len(found[job]) > 1]
    others = [
        job for job in found if job in expected and different(found[job][0], expected[job][0])
    ]
    resumed = sum(bool(runs[0][0].resumed) for runs in found.values())
    print(
        f"disturbed: {kills} kills, {damaged} files damaged, {len(found)} runs of which {resumed}"
        f" went on, {issued} times issued at the end, {time.perf_counter() - began:.0f} s\n"
        f"{len(lost)} lost, {len(twice)} there twice, {len(others)} different"
    )
    return not (lost or twice or others) and kills >= options.kills


def _from(first: Any, values: list[Any]) -> list[Any]:
    """Return the different values in cyclic order from ``first``."""
    known = list(dict.fromkeys(values))
    place = 0 if first is None else known.index(first)
    return known[place:] + known[:place]


def _is_training(folder: Path, pid: int | None) -> bool:
    """Whether a worker is amid a run."""
    owners = (owner(path.parent) for path in folder.glob("*/run.lock"))
    return any(each is not None and each.pid == pid for each in owners)


def main() -> None:
    """Parse the words, soak, end with 0 or 1."""
    try:
        options = parse(sys.argv[1:], Options)
    except ValueError as error:
        sys.exit(f"gan_zoo: {error}")
    folder = Path(options.out or tempfile.mkdtemp(prefix="gan_zoo_soak_"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"soak: {folder}", flush=True)
    sys.exit(0 if soak(options, folder) else 1)


if __name__ == "__main__":
    main()
