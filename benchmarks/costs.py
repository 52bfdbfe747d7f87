"""(e): start-up, evaluation and report; what the trainer adds to its networks; memory."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from benchmarks.runs import copies_of, small_run
from benchmarks.step import fp32
from benchmarks.subjects import parts
from benchmarks.timing import Section, seconds_of, spread, table
from benchmarks.turns import ROOT
from gan_zoo.data.batches import to_device
from gan_zoo.evaluation.evaluator import Evaluator
from gan_zoo.evaluation.reference import Reference
from gan_zoo.report.build import build_report
from gan_zoo.training.build import build_trainer
from gan_zoo.training.trainer import Trainer

REPEATS = 5
FRESH = "from benchmarks.subjects import trainer; trainer().step()"


def costs() -> list[Section]:
    """Measure the costs beside the updates."""
    rows = []

    def add(name: str, work: Callable[[], object], repeats: int = REPEATS) -> None:
        rows.append([name, spread([seconds_of(work) for _ in range(repeats)])])

    add("`run.py --help`", lambda: fresh(str(ROOT / "run.py"), "--help"))
    add("`run.py --cfg job`", lambda: fresh(str(ROOT / "run.py"), "--cfg", "job"))
    add("import torch alone", lambda: fresh("-c", "import torch"))
    add("new process to its first update", lambda: fresh("-c", FRESH))
    add("a further job in a worker: parts and networks", lambda: build_trainer(parts()))
    whole = parts()
    trainer, evaluator = build_trainer(whole), evaluator_of(whole)
    networks = trainer.generator, trainer.discriminator
    evaluator.validation(trainer.generator)  # reference features are computed once a process
    add("measuring on the validation split (1,000 samples)",
        lambda: evaluator.validation(trainer.generator))  # fmt: skip
    add("held-out losses (2,000 images of each kind)",
        lambda: evaluator.losses(*networks, trainer.objective))  # fmt: skip
    add("final numbers (10,000 samples, all measures)",
        lambda: evaluator.final(trainer.generator), repeats=2)  # fmt: skip
    rows += measures(evaluator, trainer)
    with tempfile.TemporaryDirectory() as folder:
        copies_of(small_run(Path(folder) / "run"), Path(folder) / "sweep", count=8)
        add("report of 8 runs", lambda: build_report([Path(folder) / "sweep"]), repeats=3)
    title = "(e) Start-up, evaluation, report"
    found = Section(title, "Seconds at the default model.", table(["", "seconds"], rows))
    return [found, overhead("infogan", []), overhead("acgan", ["experiment=acgan_document"])]


def measures(evaluator: Evaluator, trainer: Trainer) -> list[list[str]]:
    """Return the seconds of each final metric, once features of real images are known."""
    latents, reference = evaluator.final_latents, evaluator.reference
    assert isinstance(reference, Reference)
    images = latents.images(trainer.generator)
    fake = reference.embed(images, latents.labels)
    parts: dict[str, Callable[[], object]] = {
        "making images": lambda: latents.images(trainer.generator),
        "features of images": lambda: reference.embed(images, latents.labels),
    }
    for name in [*evaluator.final_metrics, "parzen"]:
        parts[name] = lambda name=name: reference.measure(fake, "test", [name])  # type: ignore[misc]
        parts[name]()  # real images
    return [
        [f"- {name}", spread([seconds_of(work) for _ in range(2)])] for name, work in parts.items()
    ]


def fresh(*arguments: str) -> None:
    """Run a new Python process."""
    subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def evaluator_of(whole: Any) -> Evaluator:
    """As ``experiment.run`` makes it."""
    data = to_device(whole.dataset, whole.device)
    return Evaluator(
        data, whole.evaluation, latents=whole.latents, latent_dim=100,
        reference=Reference(data, whole.extractor, "benchmark"), device=whole.device,
    )  # fmt: skip


def overhead(model: str, overrides: list[str]) -> Section:
    """Return the share of an iteration that is neither forward, backward nor optimizer."""
    trainer = build_trainer(parts(*overrides, *fp32()))
    shares = []
    with inside(trainer) as spent:
        for number in range(25 if model == "infogan" else 3):
            spent.clear()
            seconds = seconds_of(trainer.step)
            if number:
                shares.append(1 - sum(spent) / seconds)
    trainer.collect()
    text = (
        f"Trainer overhead at `{model}`: everything but the networks' forward passes, the backward"
        f" passes and the optimizers' steps: {statistics.median(shares):.1%} of an iteration"
        f" ({min(shares):.1%}–{max(shares):.1%})."
    )
    return Section(f"Trainer overhead, {model}", text, [])


@contextmanager
def inside(trainer: Trainer) -> Iterator[list[float]]:
    """Seconds of each forward, backward and optimizer call of a trainer, as they happen."""
    spent: list[float] = []

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                spent.append(time.perf_counter() - began)

        return call

    backward = torch.Tensor.backward
    for owner, name in (
        (trainer.generator, "forward"), (trainer.discriminator, "forward"),
        (trainer.generator_optimizer, "step"), (trainer.discriminator_optimizer, "step"),
    ):  # fmt: skip
        setattr(owner, name, timed(getattr(owner, name)))
    torch.Tensor.backward = timed(backward)  # type: ignore[method-assign]
    try:
        yield spent
    finally:
        torch.Tensor.backward = backward  # type: ignore[method-assign]


def memory() -> list[Section]:
    """Peak resident memory of whole runs, evaluations included."""
    rows = []
    for name, overrides, bar in (
        ("default (`infogan`)", ["trainer.epochs=1", "trainer.max_steps=30"], 1.5),
        ("full width (`experiment=acgan_document`)",
         ["experiment=acgan_document", "trainer.epochs=1", "trainer.max_steps=3",
          "evaluation.loss_samples=1000"], 4.0),
    ):  # fmt: skip
        rows.append([name, f"{peak_gigabytes(overrides):.2f}", f"{bar}"])
    text = (
        "A whole run, final numbers from 10,000 samples included, with a few updates: they all take"
        " the same memory. Measured by the system (`ru_maxrss` of the child)."
    )
    return [Section("Peak memory", text, table(["", "GB", "at most"], rows))]


def peak_gigabytes(overrides: list[str]) -> float:
    """Of a ``run.py`` in a process of its own; ``resource`` tells of the children's largest."""
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], check=True, stdout=sys.stderr);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, sys.executable, str(ROOT / "run.py"), "device=cpu",
             *overrides],
            cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return int(done.stdout) * unit / 1e9
