"""Group runs into variants, summarise their final metrics, set them against each other."""

import math
from collections import Counter
from dataclasses import dataclass

from gan_zoo.report.load import Collection, Run
from gan_zoo.report.pairs import Pair, all_pairs, ranking
from gan_zoo.report.quantities import Quantity, class_of, headline_checkpoint, ordered
from gan_zoo.report.ranks import Ranking
from gan_zoo.report.references import Reference, references
from gan_zoo.report.statistics import Estimate, estimate
from gan_zoo.runs.record import STATUSES


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

    @property
    def divergence_range(self) -> list[float | None] | None:
        """What the loss's divergence can be, lowest and highest; None inside: no bound."""
        found = (run.record.divergence_range for run in self.runs)
        return next((ends for ends in found if ends is not None), None)

    def values(self, metric: str) -> dict[int, float]:
        """Final value of a metric by seed, over finished runs that have a finite one."""
        found = ((run.record.seed, run.record.metrics.get(metric)) for run in self.finished)
        return {seed: value for seed, value in sorted(found) if value is not None}

    def scores(self, metric: Quantity) -> dict[int, float]:
        """Values by seed turned so that higher is better, diverged runs minus infinity.

        A finished run whose metric is not finite counts like a diverged one. Runs that failed for
        another reason, are interrupted or still running say nothing about the variant and are left
        out. Empty if the metric has no direction or the variant's runs do not measure it.
        """
        measured = any(metric.name in run.record.metrics for run in self.finished)
        if metric.better == 0 or (self.finished and not measured):
            return {}
        scores = {}
        for run in self.runs:
            value = run.record.metrics.get(metric.name)
            if run.record.status == "finished" and value is not None:
                scores[run.record.seed] = metric.better * value
            elif run.record.status == "diverged" or (
                run.record.status == "finished" and metric.name in run.record.metrics
            ):
                scores[run.record.seed] = -math.inf
        return scores

    def progress(self, name: str) -> float | None:
        """Mean over finished runs of an entry of the progress ledger."""
        found = [run.record.progress[name] for run in self.finished if name in run.record.progress]
        return sum(found) / len(found) if found else None


@dataclass(frozen=True)
class Comparison:
    """Everything the page, the figures and the tables are made from."""

    collection: Collection
    variants: tuple[Variant, ...]
    metrics: tuple[Quantity, ...]  # of every checkpoint, the headline's first
    references: dict[str, tuple[Reference, ...]]  # by metric, without its checkpoint
    estimates: dict[tuple[str, str], Estimate]  # (variant, metric)
    pairs: dict[str, list[Pair]]  # metric -> all pairs of variants that have scores
    rankings: dict[str, tuple[list[int], Ranking]]  # metric -> (variants, their ranking)

    @property
    def checkpoints(self) -> list[str]:
        """Which checkpoints were measured, the headline first."""
        return list(dict.fromkeys(metric.checkpoint for metric in self.metrics))

    @property
    def primary(self) -> tuple[Quantity, ...]:
        """The metrics of the first of these: what is shown unless asked for more."""
        first = self.checkpoints[:1]
        return tuple(metric for metric in self.metrics if metric.checkpoint in first)

    def real(self, metric: Quantity) -> float | None:
        """What the metric gives for real data, if that was measured."""
        found = self.references.get(metric.base, ())
        return next((entry.value for entry in found if entry.name == "real"), None)


def compare(collection: Collection) -> Comparison:
    """Group the runs by variant, in order of first appearance, and summarise each metric."""
    groups: dict[str, list[Run]] = {}
    for run in collection.runs:
        groups.setdefault(run.variant, []).append(run)
    variants = tuple(
        Variant(name, tuple(sorted(runs, key=lambda run: run.record.seed)), index)
        for index, (name, runs) in enumerate(groups.items())
    )
    names = {name for run in collection.runs for name in run.record.metrics}
    first = headline_checkpoint([run.record.metrics for run in collection.runs])
    metrics = tuple(ordered({name for name in names if class_of(name) is None}, first))
    estimates = {}
    for variant in variants:
        for metric in metrics:
            values = list(variant.values(metric.name).values())
            if values:
                estimates[variant.name, metric.name] = estimate(values, metric.low, metric.high)
    scores = {
        metric.name: [variant.scores(metric) for variant in variants]
        for metric in metrics
        if metric.better
    }
    pairs = {
        metric.name: all_pairs(scores[metric.name], metric.better)
        for metric in metrics
        if metric.better
    }
    ranked = {name: ranking(found) for name, found in scores.items()}
    rankings = {name: found for name, found in ranked.items() if found is not None}
    known = references(collection.runs)
    return Comparison(collection, variants, metrics, known, estimates, pairs, rankings)
