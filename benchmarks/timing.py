"""Interleaved timing, and summaries of it: medians, spreads, ratios of neighbours in time."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch

from gan_zoo.data.devices import synchronize

CPU = torch.device("cpu")
Times = dict[str, list[float]]


class Section(NamedTuple):
    """A part of README.md: its heading, what was done, and lines of a table or of text."""

    title: str
    text: str
    lines: list[str]


def seconds_of(work: Callable[[], object], device: torch.device = CPU) -> float:
    """Wall-clock seconds of one call, and of what it makes a device do."""
    synchronize(device)
    began = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - began


def interleaved(cases: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 1) -> Times:
    """Each case's seconds in each round; all cases take their turn before the next round.

    What else a machine does comes and goes over minutes: neighbours in time see the same of it.

    Args:
        cases: name -> does its work once and tells the seconds.
        rounds: that count.
        warm_up: rounds before, that do not count.
    """
    found: Times = {name: [] for name in cases}
    for number in range(warm_up + rounds):
        for name, work in cases.items():
            seconds = work()
            if number >= warm_up:
                found[name].append(seconds)
    return found


def spread(values: Sequence[float], unit: float = 1.0, digits: int = 2) -> str:
    """Median and, in brackets, smallest and largest."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return " ".join(
        [f"{middle * unit:.{digits}f}", f"({low * unit:.{digits}f}–{high * unit:.{digits}f})"]
    )


def ratios(slow: Sequence[float], fast: Sequence[float]) -> list[float]:
    """How many times longer ``slow`` took, round by round."""
    return [a / b for a, b in zip(slow, fast, strict=True)]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; the first column is text, the others numbers."""
    rule = ["---", *("---:" for _ in header[1:])]
    return [f"| {' | '.join(row)} |" for row in (header, rule, *rows)]
