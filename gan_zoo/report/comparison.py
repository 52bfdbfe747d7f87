"""Group runs into variants and summarise their final metrics."""

from collections import Counter
from dataclasses import dataclass

from gan_zoo.records import STATUSES
from gan_zoo.report.load import Collection, Run
from gan_zoo.report.quantities import Quantity, ordered
from gan_zoo.report.statistics import Estimate, estimate


@dataclass(frozen=True)
class Variant:
    """Runs that differ in nothing but the seed."""

    name: str
    runs: tuple[Run, ...]
    index: int  # place in the report; decides colour and dash everywhere

    @property
    def finished(self) -> tuple[Run, ...]:
        """Runs that reached their end."""
        return tuple(run for run in self.runs if run.record.status == "finished")

    @property
    def seeds(self) -> str:
        """The seeds, runs of consecutive ones as a range: "0–4, 7"."""
        groups: list[list[int]] = []
        for seed in sorted({run.record.seed for run in self.runs}):
            if groups and seed == groups[-1][-1] + 1:
                groups[-1].append(seed)
            else:
                groups.append([seed])
        return ", ".join(f"{g[0]}–{g[-1]}" if len(g) > 1 else f"{g[0]}" for g in groups)

    @property
    def counts(self) -> dict[str, int]:
        """Runs by status; every status that occurs."""
        found = Counter(run.record.status for run in self.runs)
        return {status: found[status] for status in STATUSES if found[status]}

    def values(self, metric: str) -> dict[int, float]:
        """Final value of a metric by seed, over finished runs that have a finite one."""
        found = ((run.record.seed, run.record.metrics.get(metric)) for run in self.finished)
        return {seed: value for seed, value in sorted(found) if value is not None}

    def progress(self, name: str) -> float | None:
        """Mean over finished runs of an entry of the progress ledger."""
        found = [run.record.progress[name] for run in self.finished if name in run.record.progress]
        return sum(found) / len(found) if found else None


@dataclass(frozen=True)
class Comparison:
    """Everything the page, the figures and the tables are made from."""

    collection: Collection
    variants: tuple[Variant, ...]
    metrics: tuple[Quantity, ...]
    estimates: dict[tuple[str, str], Estimate]  # (variant, metric)


def compare(collection: Collection) -> Comparison:
    """Group the runs by variant, in order of first appearance, and summarise each metric."""
    groups: dict[str, list[Run]] = {}
    for run in collection.runs:
        groups.setdefault(run.variant, []).append(run)
    variants = tuple(
        Variant(name, tuple(sorted(runs, key=lambda run: run.record.seed)), index)
        for index, (name, runs) in enumerate(groups.items())
    )
    metrics = tuple(ordered({name for run in collection.runs for name in run.record.metrics}))
    estimates = {}
    for variant in variants:
        for metric in metrics:
            values = list(variant.values(metric.name).values())
            if values:
                estimates[variant.name, metric.name] = estimate(values, metric.low, metric.high)
    return Comparison(collection, variants, metrics, estimates)
