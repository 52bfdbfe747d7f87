"""Reference scores: metrics of real data and of weak samplers."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from gan_zoo.report.load import Run

TITLES = {
    "real": "Real images",
    "kernel_density": "Kernel density estimate",
    "class_means": "Class means",
    "noise": "Noise",
}


@dataclass(frozen=True)
class Reference:
    """A metric's value for something that is no variant."""

    name: str
    title: str
    value: float  # median over the runs that recorded it
    spread: float  # largest minus smallest of them: 0 when all used the same data and evaluator


def references(runs: Sequence[Run]) -> dict[str, tuple[Reference, ...]]:
    """Metric, without its checkpoint -> its references, real data first."""
    found: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        for metric, values in run.record.reference_scores.items():
            of_metric = found.setdefault(metric, {})
            for name, value in values.items():
                of_metric.setdefault(name, []).append(value)
    return {
        metric: tuple(_reference(name, of_metric[name]) for name in _ordered(of_metric))
        for metric, of_metric in sorted(found.items())
    }


def names(found: dict[str, tuple[Reference, ...]]) -> list[str]:
    """Every reference that some metric has, real data first."""
    return _ordered({reference.name for entries in found.values() for reference in entries})


def title(name: str) -> str:
    """A reference in words.

    >>> title("real"), title("one_pixel_shift")
    ('Real images', 'One pixel shift')
    """
    return TITLES.get(name, name.replace("_", " ").capitalize())


def _ordered(found: set[str] | dict[str, list[float]]) -> list[str]:
    places = {name: place for place, name in enumerate(TITLES)}
    return sorted(found, key=lambda name: (places.get(name, len(places)), name))


def _reference(name: str, values: list[float]) -> Reference:
    return Reference(name, title(name), median(values), max(values) - min(values))
