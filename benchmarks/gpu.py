"""``python -m benchmarks gpu [part ...] [seconds=540]``: what a GPU does, and how fast.

Parts: ``checks`` (its numbers against the CPU's), ``step`` (an update against plain PyTorch and
against what the card can do), ``recipe`` (the Keras example, 50 epochs), ``sweep`` (1 to 12 runs at
a time on a card). Each takes its part of README.md, and writes ``benchmarks/gpu_<part>.json``. What
does not fit into the seconds, of each part, is skipped and listed. Needs no network.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks import gpu_checks
from benchmarks.subjects import MODELS, naive_training, trainer
from benchmarks.timing import Section, interleaved, ratios, seconds_of, spread, table
from benchmarks.turns import ROOT
from benchmarks.work import SHAPES, gflop_per_iteration
from gan_zoo.data.devices import float32_products, in_use
from gan_zoo.runs.record import read_record, write_text
from gan_zoo.training.process import describe
from gan_zoo.training.trainer import Trainer

SECONDS = 540.0
NO_GPU = "gan_zoo: benchmarks gpu: torch finds no CUDA GPU on this machine; nothing was measured"
ARITHMETIC = {"fp32": (torch.float32, "ieee"), "tf32": (torch.float32, "tf32"),
              "bf16": (torch.bfloat16, "ieee")}  # fmt: skip
RUN = ["evaluation.reference_scores=false", "evaluation.metrics=[fid,label_accuracy]"]


@dataclass
class Measurement:
    """What a part measures: where, for how long at most, and what it found.

    Args:
        device: of networks and data.
        seconds: after which no further case is begun.
        rounds: turns of each case.
        steps: updates of a turn.
    """

    device: torch.device
    seconds: float = SECONDS
    rounds: int = 15
    steps: int = 10
    skipped: list[str] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.end = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds until the end, 0 after it."""
        return max(0.0, self.end - time.monotonic())

    def begin(self, case: str, needs: float = 0.0) -> bool:
        """Return whether there is time for a case; list it as skipped if there is not."""
        if self.left > needs:
            return True
        self.skipped.append(case)
        return False


def checks(of: Measurement) -> list[Section]:
    """Numbers against the CPU's in float64, updates as graphs, resuming, and evaluation."""
    with in_use(of.device, deterministic=True):  # as a run's updates are made
        return _checks(of)


def _checks(of: Measurement) -> list[Section]:
    rows = []
    for name, check in (
        ("losses", gpu_checks.losses), ("layers", gpu_checks.layer_forms),
        ("updates", gpu_checks.updates),
    ):  # fmt: skip
        if of.begin(name):
            with float32_products("ieee"):
                errors = check(of.device)
            of.found[name] = errors
            worst = max(errors, key=lambda key: errors[key])
            rows.append([name, f"{len(errors)}", f"{errors[worst]:.1e}", worst])
    for name in ("resumed", "graph"):
        check_state = gpu_checks.resume_differs if name == "resumed" else _graph
        for words in (["loss=bce"], ["loss=wgan_gp"], ["model=acgan"]):
            case = f"{name}: {words[0]}"
            if of.begin(case):
                different = check_state(of.device, words)
                of.found[case] = different
                rows.append([case, "1", "", "equal" if not different else ", ".join(different)])
    if of.begin("evaluation"):
        of.found["evaluation"] = pairs = gpu_checks.evaluation(of.device)
        for metric, (cpu, here) in pairs.items():
            rows.append(
                [metric, "1", f"{abs(here - cpu) / max(abs(cpu), 1e-12):.1e}", f"{cpu:.6g}"]
            )
    text = (
        "Relative errors of float32 (IEEE) on the card against float64 on the CPU, the worst of"
        " each kind; training resumed, or made of graphs, against training without; and metrics of"
        " the same samples on the card and on the CPU, with TF32 switched on before."
    )
    return [Section("Correctness", text, table(["", "cases", "error", "where, or value"], rows))]


def _graph(device: torch.device, words: list[str]) -> list[str]:
    if device.type != "cuda":
        return ["a CPU has no graphs"]
    return gpu_checks.graph_equals_eager(device, words)


def step(of: Measurement) -> list[Section]:
    """An update by plain PyTorch, by gan_zoo as it is and as a graph, in turns."""
    limits = ceilings(of)
    rows = [[name, f"{rate:.0f} {unit}"] for name, (rate, unit) in limits.items()]
    title, text = "Ceilings of the card", "What it reaches at most, measured."
    sections = [Section(title, text, table(["", "rate"], rows))]
    for model in MODELS:
        cases, made = _subjects(of, model)
        times = interleaved(cases, of.rounds, warm_up=2)
        per_step = {name: [t / of.steps for t in found] for name, found in times.items()}
        of.found[model] = {"seconds": per_step, "kernels": {}}
        rows = []
        for name, seconds in per_step.items():
            precision = name.split()[-1]
            share = ""
            rate, _ = limits.get(f"convolution {precision}", (0.0, ""))
            if model == "acgan" and rate:
                needed = gflop_per_iteration("folded") / 1e3
                share = spread([100 * needed / t / rate for t in seconds], digits=0)
            counted = kernels(made[name], of.device) if name in made else None
            of.found[model]["kernels"][name] = counted
            ratio = ratios(per_step[f"plain {precision}"], seconds)
            rows.append([name, spread(seconds, 1e3), spread(ratio), share, f"{counted or ''}"])
        head = ["", "ms an update", "times as fast as plain", "share of the convolution's rate, %",
                "kernels"]  # fmt: skip
        text = (
            f"One update of D and G of `{model}`, {of.steps} at a time in {of.rounds} turns; plain"
            " is PyTorch's own layers, eager, at the same precision, by any algorithm; gan_zoo's"
            " are deterministic, as a run's."
        )
        sections.append(Section(f"An update, {model}", text, table(head, rows)))
    return sections


def _subjects(
    of: Measurement, model: str
) -> tuple[dict[str, Callable[[], float]], dict[str, Trainer]]:
    """Return what takes turns, each a number of updates, and the trainers among it."""
    cuda = of.device.type == "cuda"
    cases: dict[str, Callable[[], float]] = {}
    made: dict[str, Trainer] = {}
    for precision in ARITHMETIC if cuda else ("fp32",):
        cases[f"plain {precision}"] = _turn(of, _plain(model, precision, of.device))
        for way in ("always", "never") if cuda else ("never",):
            name = f"{'graph' if way == 'always' else 'eager'} {precision}"
            if of.begin(f"{model}, {name}", needs=of.seconds / 3):
                words = [f"trainer.precision={precision}", f"device={of.device}", f"capture={way}"]
                made[name] = trainer(*MODELS[model], *words)
                cases[name] = _turn(of, made[name].step, deterministic=True)
    return cases, made


def _plain(model: str, precision: str, device: torch.device) -> Callable[[], None]:
    training = naive_training(model, str(device))
    dtype, arithmetic = ARITHMETIC[precision]

    def work() -> None:
        bf16 = dtype is torch.bfloat16
        with (
            float32_products(arithmetic),
            torch.autocast(device.type, torch.bfloat16, enabled=bf16),
        ):
            training.step()

    return work


def _turn(
    of: Measurement, update: Callable[[], None], *, deterministic: bool = False
) -> Callable[[], float]:
    """Return a turn of updates by deterministic algorithms, as a run's are, or by any."""

    def work() -> None:
        for _ in range(of.steps):
            update()

    def turn() -> float:
        cudnn: Any = torch.backends.cudnn
        cudnn.deterministic = deterministic
        torch.use_deterministic_algorithms(deterministic, warn_only=True)
        try:
            return seconds_of(work, of.device)
        finally:
            cudnn.deterministic = False
            torch.use_deterministic_algorithms(False)

    return turn


def ceilings(of: Measurement) -> dict[str, tuple[float, str]]:
    """Return the best rates of a copy, a matrix product and a convolution, by name."""
    size = 2**26 if of.device.type == "cuda" else 2**20
    big, side = torch.empty(size, device=of.device), 8192 if of.device.type == "cuda" else 256
    seconds = min(seconds_of(lambda: big.clone(), of.device) for _ in range(5))
    found = {"copy": (2 * big.numel() * 4 / seconds / 1e9, "GB/s")}
    for name, (dtype, arithmetic) in ARITHMETIC.items():
        if of.device.type != "cuda" and name != "fp32":
            continue
        matrix = torch.randn(side, side, device=of.device, dtype=dtype)
        with float32_products(arithmetic):
            seconds = min(seconds_of(lambda m=matrix: m @ m, of.device) for _ in range(5))
            found[f"matrix product {name}"] = (2 * side**3 / seconds / 1e12, "TFLOP/s")
            found[f"convolution {name}"] = (_fastest_convolution(of, dtype), "TFLOP/s")
    of.found["ceilings"] = {name: rate for name, (rate, _) in found.items()}
    return found


def _fastest_convolution(of: Measurement, dtype: torch.dtype) -> float:
    rates = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        for batch, inputs, outputs, side in SHAPES if of.device.type == "cuda" else [(2, 8, 8, 7)]:
            images = torch.randn(batch, inputs, side, side, device=of.device, dtype=dtype)
            weight = torch.randn(outputs, inputs, 3, 3, device=of.device, dtype=dtype)
            x, w = (t.contiguous(memory_format=memory_format) for t in (images, weight))
            seconds = min(
                seconds_of(lambda x=x, w=w: torch.nn.functional.conv2d(x, w, padding=1), of.device)
                for _ in range(5)
            )
            rates.append(2 * x.numel() * outputs * 9 / seconds / 1e12)
    return max(rates)


def kernels(made: Trainer, device: torch.device) -> int | None:
    """Return how many kernels an update launches, None on a CPU."""
    if device.type != "cuda":
        return None
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        made.step()
        torch.cuda.synchronize(device)
    events = [event for event in profiler.events() if event.device_type == DeviceType.CUDA]
    return sum(not event.name.startswith(("Memcpy", "Memset")) for event in events)


def recipe(of: Measurement, epochs: int = 50, *more: str) -> list[Section]:
    """The Keras example's run, from the command to its final numbers."""
    rows = []
    for precision in ("fp32", "bf16"):
        case = f"recipe {precision}"
        if not of.begin(case, needs=of.seconds / 3):
            continue
        words = ["experiment=acgan_document", f"trainer.epochs={epochs}",
                 f"trainer.precision={precision}", f"device={of.device}", *RUN, *more]  # fmt: skip
        with finished(of, case, words) as (seconds, folder):
            if folder is not None:
                record = read_record(folder)
                fid = next(v for k, v in record.metrics.items() if k.startswith("fid"))
                of.found[case] = {"seconds": seconds, "metrics": record.metrics}
                rows.append([precision, f"{seconds:.0f}", f"{fid:.2f}"])
    text = (
        f"`experiment=acgan_document`, {epochs} epochs, from the command to the final numbers of"
        " 10,000 samples."
    )
    return [Section("The Keras example", text, table(["", "seconds", "FID"], rows))]


def sweep(
    of: Measurement, workers: tuple[int, ...] = (1, 4, 8, 12), runs: int = 24, *more: str
) -> list[Section]:
    """Default runs of an epoch, so many at a time."""
    rows = []
    for count in workers:
        case = f"{count} at a time"
        if not of.begin(case, needs=of.seconds / 10):
            continue
        words = ["-m", f"seed=range({runs})", "trainer.epochs=1", f"device={of.device.type}",
                 "hydra/launcher=processes", f"hydra.launcher.n_jobs={count}",
                 *RUN, *more]  # fmt: skip
        with finished(of, case, words) as (seconds, folder):
            if folder is not None:
                of.found[case] = {"seconds": seconds, "runs": runs}
                rows.append([case, f"{seconds:.0f}", f"{60 * runs / seconds:.1f}"])
    text = (
        f"`run.py -m seed=range({runs}) trainer.epochs=1 hydra/launcher=processes`, from the"
        " command to its report."
    )
    return [Section("A sweep on a card", text, table(["", "seconds", "runs a minute"], rows))]


@contextmanager
def finished(of: Measurement, case: str, words: list[str]) -> Iterator[tuple[float, Path | None]]:
    """Run ``run.py`` in a folder of its own; yield its seconds, and no folder if time was up."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "out")
        where = "hydra.sweep.dir" if "-m" in words else "hydra.run.dir"
        command = [sys.executable, str(ROOT / "run.py"), *words, f"{where}='{folder}'"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        began = time.perf_counter()
        try:
            subprocess.run(
                command, cwd=scratch, env=environment, check=True, timeout=max(of.left, 1.0),
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            of.skipped.append(case)
            yield time.perf_counter() - began, None
        else:
            yield time.perf_counter() - began, folder


PARTS: dict[str, Callable[[Measurement], list[Section]]] = {
    "checks": checks, "step": step, "recipe": recipe, "sweep": sweep,
}  # fmt: skip


def measure(
    name: str, of: Measurement, folder: Path, write: Callable[[str, list[Section]], None]
) -> None:
    """Measure a part, write its numbers as JSON and its tables as ``write`` does."""
    sections = PARTS[name](of)
    facts = describe(of.device)
    card = f"{facts['device_name'] or facts['cpu']}, driver {facts['driver']}, CUDA {facts['cuda']}"
    lines = [f"{card}, torch {facts['torch']}."]
    if of.skipped:
        lines.append(f"Not measured, for want of time: {', '.join(of.skipped)}.")
    sections.append(Section("Where", " ".join(lines), []))
    content = {"part": name, "machine": facts, "skipped": of.skipped, "found": of.found}
    write_text(folder / f"gpu_{name}.json", json.dumps(content, indent=1) + "\n")
    write(f"gpu {name}", sections)


def main(words: list[str], folder: Path, write: Callable[[str, list[Section]], None]) -> int:
    """Measure the named parts, or all; return the exit code."""
    options = dict(word.split("=", 1) for word in words if "=" in word)
    names = [word for word in words if "=" not in word]
    try:
        seconds = float(options.pop("seconds", SECONDS))
    except ValueError:
        seconds = -1.0
    unknown = [name for name in names if name not in PARTS] + [*options]
    if unknown or not 0 < seconds < float("inf"):
        print(
            f"gan_zoo: benchmarks gpu takes {', '.join(PARTS)}, and seconds=N above 0, got"
            f" {' '.join(words)}", file=sys.stderr,
        )  # fmt: skip
        return 2
    if not torch.cuda.is_available():
        print(NO_GPU, file=sys.stderr)
        return 2
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # for deterministic products
    for name in names or PARTS:
        device = torch.device("cuda", torch.cuda.current_device())
        measure(name, Measurement(device, seconds), folder, write)
    return 0
