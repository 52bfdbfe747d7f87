"""(a), (b): an iteration of the AC-GAN against its naive form and against Keras; share of the peak.

``python -m benchmarks step`` and ``python -m benchmarks keras``.
"""

import importlib.util
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack

import torch

from benchmarks.subjects import MODELS, naive_training, trainer
from benchmarks.timing import Section, Times, interleaved, ratios, seconds_of, spread, table
from benchmarks.turns import Worker
from benchmarks.work import fastest_convolution, gflop_per_iteration
from gan_zoo.training.precision import multiplies_bf16

ROUNDS = {"acgan": 7, "infogan": 100}


def step() -> list[Section]:
    """Measure (a): naive against ours, in this process with the allocator tuned for both."""
    return [against_naive("infogan"), against_naive("acgan")]


def against_naive(model: str, rounds: int | None = None) -> Section:
    """One model's naive form and ours in turn, and the full width's share of the peak."""
    overrides = MODELS[model]
    rounds = rounds or ROUNDS[model]
    subjects = {"naive": naive_training(model), "gan_zoo fp32": trainer(*overrides, *fp32())}
    if multiplies_bf16(torch.device("cpu")):
        subjects["gan_zoo bf16"] = trainer(*overrides, "trainer.precision=bf16")
    cases = {name: lambda each=each: seconds_of(each.step) for name, each in subjects.items()}
    peaks = {}
    if model == "acgan":
        kinds = {"fp32": torch.float32, "bf16": torch.bfloat16}
        for kind in [name.split()[-1] for name in subjects if name != "naive"]:
            peaks[kind] = fastest_convolution(kinds[kind])
            cases[f"convolution {kind}"] = lambda peak=peaks[kind]: best_of_three(peak.seconds)
    found = interleaved(cases, rounds)
    lines = comparison({name: found[name] for name in subjects}, "naive")
    for kind, peak in peaks.items():
        rates = [peak.gflop / seconds for seconds in found[f"convolution {kind}"]]
        lines += ["", *shares(found[f"gan_zoo {kind}"], rates, kind)]
    if peaks and "bf16" not in peaks:
        lines += ["", "bf16: this processor has no units for it (AVX512-BF16 or AMX); not run."]
    text = (
        f"One iteration (D and G step) of `{model}`, same work in one process, taking turns for"
        f" {rounds} rounds; both keep freed memory."
    )
    if peaks:
        text += (
            " The peak is the rate of the fastest forward convolution of the network's shapes, on"
            " turn in each round too, best of three."
        )
    return Section(f"(a) {model}: naive eager PyTorch against gan_zoo", text, lines)


def best_of_three(work: Callable[[], float]) -> float:
    """Return the least of three."""
    return min(work() for _ in range(3))


def comparison(found: Times, base: str) -> list[str]:
    """Return a table of seconds, and of how many times longer ``base`` takes."""
    rows = [
        [name, spread(values), spread(ratios(found[base], values))]
        for name, values in found.items()
    ]
    return table(["", "seconds", f"times as fast as {base}"], rows)


def shares(times: list[float], peak: list[float], precision: str) -> list[str]:
    """Compare the rate of a whole iteration with that of convolutions alone, round by round."""
    rows = []
    for form, name in (("folded", "folded form (36/100)"), ("differences", "differences (25/100)")):
        needed = gflop_per_iteration(form)
        rates = [needed / seconds for seconds in times]
        share = spread(ratios(rates, peak), 100, 0)
        rows.append([name, f"{needed:.0f}", spread(rates, digits=0), spread(peak, digits=0), share])
    header = [f"{precision}, operations of this form", "GFLOP", "GFLOP/s", "peak", "share, %"]
    return table(header, rows)


def keras() -> list[Section]:
    """(b) Keras 3 on TensorFlow, naive PyTorch as it comes, and ours: processes in turn."""
    title = "(b) Keras 3 on TensorFlow, and PyTorch with its default allocator, against gan_zoo"
    python = os.environ.get("KERAS_PYTHON", sys.executable)
    if python == sys.executable and importlib.util.find_spec("keras") is None:
        message = (
            "Skipped: no Keras here. Set KERAS_PYTHON to a Python that has keras and tensorflow."
        )
        return [Section(title, message, [])]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads is not None:  # TensorFlow has variables of its own
        quiet |= {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": "1"}
    with ExitStack() as stack:
        cases = {
            "Keras 3": Worker("-m", "benchmarks.keras_acgan", python=python, environment=quiet),
            "naive PyTorch": Worker("-m", "benchmarks.worker", "naive", "acgan"),
            "gan_zoo fp32": Worker("-m", "benchmarks.worker", "ours", "acgan", *fp32()),
        }
        if multiplies_bf16(torch.device("cpu")):
            bf16 = "trainer.precision=bf16"
            cases["gan_zoo bf16"] = Worker("-m", "benchmarks.worker", "ours", "acgan", bf16)
        for worker in cases.values():
            stack.enter_context(worker)
        found = interleaved(cases, ROUNDS["acgan"])
    rows = [
        [
            name, spread(values), spread(ratios(found["Keras 3"], values)),
            spread(ratios(found["naive PyTorch"], values)),
        ]
        for name, values in found.items()
    ]  # fmt: skip
    header = ["", "seconds", "times as fast as Keras", "times as fast as naive PyTorch"]
    text = (
        "The full-width AC-GAN, each in a process of its own, since TensorFlow and torch in one"
        f" slow each other down: they take turns, an iteration each, {ROUNDS['acgan']} rounds; who"
        " is not on turn waits. Naive PyTorch has the default allocator, gan_zoo its own settings."
    )
    return [Section(title, text, table(header, rows))]


def fp32() -> list[str]:
    """Return overrides for fp32."""
    return ["trainer.precision=fp32"]
