"""Profile some updates of a run: a trace file in its folder, and a table of what takes the time."""

import math
import os
import sys
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch.profiler import ProfilerActivity, profile, record_function, schedule

from gan_zoo.report.formatting import table
from gan_zoo.training.trainer import Trainer
from gan_zoo.types import ConfigurationError

TRACE_NAME = "trace.json"
WARMUP = 10  # updates before those that count: memory is allocated, kernels are chosen
ROWS = 15
PARTS = (
    "discriminator_backward", "discriminator_update", "generator_backward", "generator_update",
)  # fmt: skip
TIMES = (
    "cpu_time_total", "self_cpu_time_total", "device_time_total", "self_device_time_total",
)  # fmt: skip
_ONE_AT_A_TIME = threading.Lock()  # as torch's profiler is the process's


@contextmanager
def profiled(folder: Path, trainer: Trainer, updates: int | None) -> Iterator[Callable[[], None]]:
    """Profile updates after ``WARMUP`` others; yield what to call after each update.

    Updates are not captured as graphs meanwhile; their numbers are the same.

    Args:
        folder: of the run, which gets ``trace.json`` for chrome://tracing or ui.perfetto.dev.
        trainer: whose parts of a step get rows of their own.
        updates: how many; None: profile nothing.

    Raises:
        ConfigurationError: another run of this process is being profiled.
    """
    if updates is None:
        yield lambda: None
        return
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        raise ConfigurationError(
            "a process can profile one run at a time: choose another hydra/launcher, or set"
            " profile=null"
        )
    try:
        on_gpu = trainer.device.type == "cuda"
        kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
        for part in PARTS:
            setattr(trainer, part, record_function(part)(getattr(trainer, part)))
        if trainer.captured is not None:  # a graph's kernels belong to no part of the step
            trainer.captured.wanted = False

        written = []

        def ended(profiler: Any) -> None:
            events = sums(profiler.events())
            measured = sum(event.count for event in events if event.key == PARTS[0])
            if not measured:  # the run ended with the warm-up
                return
            temporary = folder / f".{TRACE_NAME}"
            profiler.export_chrome_trace(str(temporary))
            os.replace(temporary, folder / TRACE_NAME)
            written.append(TRACE_NAME)
            shown = summary(events, measured, on_gpu=on_gpu)
            print(f"profile of {measured} updates of D:\n{shown}\n{folder / TRACE_NAME}",
                  file=sys.stderr, flush=True)  # fmt: skip

        plan = schedule(wait=0, warmup=WARMUP, active=updates, repeat=1)
        with profile(activities=kinds, schedule=plan, on_trace_ready=ended) as profiler:
            yield profiler.step
        if not written:
            print(f"gan_zoo: warning: nothing was profiled: the first {WARMUP} updates of D are a"
                  " warm-up, and this run made no more", file=sys.stderr)  # fmt: skip
    finally:
        _ONE_AT_A_TIME.release()


def sums(events: Iterable[Any]) -> list[Any]:
    """Return the CPU's events within the parts of a step, those of one name added up.

    Events between the updates belong to measurements. Kernels and annotations are events of the
    GPU, too; their callers on the CPU have the time.
    """
    on_cpu = [event for event in events if event.device_type.name == "CPU"]
    spans = sorted((e.time_range.start, e.time_range.end) for e in on_cpu if e.key in PARTS)
    found: dict[str, Any] = {}
    for event in on_cpu:
        place = bisect_right(spans, (event.time_range.start, math.inf)) - 1
        if place < 0 or event.time_range.start > spans[place][1]:
            continue
        blank = SimpleNamespace(key=event.key, count=0, **dict.fromkeys(TIMES, 0.0))
        total = found.setdefault(event.key, blank)
        total.count += 1
        for name in TIMES:
            setattr(total, name, getattr(total, name) + getattr(event, name))
    return list(found.values())


def summary(events: Any, updates: int, *, on_gpu: bool) -> str:
    """Return a table: the parts of a step, then the operators that take most of the time.

    Args:
        events: ``sums`` of those of torch's profiler.
        updates: of D that were profiled.
        on_gpu: whether to sort by the time of the GPU.
    """
    known = {event.key: event for event in events}
    parts = [known[part] for part in PARTS if part in known]
    whole = sum(event.cpu_time_total for event in parts)
    operators = [event for event in events if event.key.startswith("aten::")]
    busy = sum(event.self_device_time_total for event in operators) if on_gpu else 0.0

    def row(event: Any, cpu: float, gpu: float) -> dict[str, object]:
        cells: dict[str, object] = {
            "": event.key.removeprefix("aten::")[:40],
            "calls per update": f"{event.count / updates:.1f}",
            "CPU ms": f"{cpu / 1000 / updates:.3f}",
            "of the step": f"{cpu / whole:.0%}",
        }
        if on_gpu:
            cells |= {"GPU ms": f"{gpu / 1000 / updates:.3f}", "of its work": f"{gpu / busy:.0%}"}
        return cells

    own = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    operators.sort(key=lambda event: -float(getattr(event, own)))
    return table([
        *(row(event, event.cpu_time_total, event.device_time_total) for event in parts),
        *(row(e, e.self_cpu_time_total, e.self_device_time_total) for e in operators[:ROWS]),
    ])  # fmt: skip
