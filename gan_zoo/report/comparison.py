"""Group runs into variants, summarise their final metrics and compare every two variants."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import median

from gan_zoo.report import statistics
from gan_zoo.report.load import Collection, Run
from gan_zoo.report.quantities import AXES, Quantity, headline_checkpoint, ordered
from gan_zoo.report.statistics import Estimate, Interval, Ranking
from gan_zoo.runs.record import STATUSES

REFERENCE_TITLES = {
    "real": "Real images",
    "kernel_density": "Kernel density estimate",
    "class_means": "Class means",
    "noise": "Noise",
}
Scores = Mapping[int, float]  # seed -> score; higher is better, diverged minus infinity


@dataclass(frozen=True)
class Variant:
    """Runs that differ in nothing but the seed."""

    name: str
    runs: tuple[Run, ...]
    index: int  # place in the report; decides color and dash everywhere

    @property
    def finished(self) -> tuple[Run, ...]:
        """Return the finished runs."""
        return tuple(run for run in self.runs if run.record.status == "finished")

    @property
    def seeds(self) -> str:
        """Return the seeds, consecutive ones as a range: "0–4, 7"."""
        groups: list[list[int]] = []
        for seed in sorted({run.record.seed for run in self.runs}):
            if groups and seed == groups[-1][-1] + 1:
                groups[-1].append(seed)
            else:
                groups.append([seed])
        return ", ".join(f"{g[0]}–{g[-1]}" if len(g) > 1 else f"{g[0]}" for g in groups)

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of runs of every status that occurs."""
        found = Counter(run.record.status for run in self.runs)
        return {status: found[status] for status in STATUSES if found[status]}

    @property
    def divergence_range(self) -> list[float | None] | None:
        """Return the lowest and highest value of the loss's divergence; None inside: no bound."""
        found = (run.record.divergence_range for run in self.runs)
        return next((ends for ends in found if ends is not None), None)

    def values(self, metric: str) -> dict[int, float]:
        """Return the final value of a metric by seed, over finished runs that have a finite one."""
        found = ((run.record.seed, run.record.metrics.get(metric)) for run in self.finished)
        return {seed: value for seed, value in sorted(found) if value is not None}

    def scores(self, metric: Quantity) -> dict[int, float]:
        """Return values by seed, signed so that higher is better; diverged runs minus infinity.

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
            finished = run.record.status == "finished"
            if finished and value is not None:
                scores[run.record.seed] = metric.better * value
            elif run.record.status == "diverged" or (
                finished and metric.name in run.record.metrics
            ):
                scores[run.record.seed] = -math.inf
        return scores

    def progress(self, name: str) -> float | None:
        """Return the mean over finished runs of an entry of the record's ``progress``."""
        found = [run.record.progress[name] for run in self.finished if name in run.record.progress]
        return sum(found) / len(found) if found else None


@dataclass(frozen=True)
class ReferenceScore:
    """A metric's value for real data or a weak sampler."""

    name: str
    title: str
    value: float  # median over the runs that recorded it
    spread: float  # largest minus smallest of them: 0 when all used the same data and evaluator


@dataclass(frozen=True)
class Pair:
    """Variant ``first`` against variant ``second`` on one metric."""

    first: int  # indices of the variants
    second: int
    n: int  # runs of each that count
    m: int
    theta: float  # probability that a run of first is better
    interval: Interval | None
    p: float  # exact rank test
    p_holm: float  # corrected over all pairs of this metric
    shift: float | None  # Hodges-Lehmann, first minus second, in the metric's unit
    shift_interval: Interval | None
    effect: float | None  # Hedges' g, positive where first is better
    shared: int  # seeds that both finished
    wins: int  # of those, how many first is better on
    paired_shift: float | None  # mean difference over shared seeds, in the metric's unit
    paired_interval: Interval | None  # t-interval of that mean
    p_paired: float | None  # sign-flip test

    def seen_from(self, variant: int) -> "Pair":
        """Return the same pair with ``variant`` as the first; differences keep their sign."""
        if self.first == variant:
            return self
        turned = self.interval and Interval(1 - self.interval.high, 1 - self.interval.low)
        return replace(
            self, first=self.second, second=self.first, n=self.m, m=self.n,
            theta=1 - self.theta, interval=turned,
        )  # fmt: skip

    @property
    def established(self) -> bool:
        """Return whether p survives Holm's correction and the interval excludes 1/2."""
        away = self.interval is not None and not self.interval.low <= 0.5 <= self.interval.high
        return self.p_holm < 0.05 and away


@dataclass(frozen=True)
class Comparison:
    """Everything the page, the figures and the tables are made from."""

    collection: Collection
    variants: tuple[Variant, ...]
    metrics: tuple[Quantity, ...]  # of every checkpoint, the headline's first
    references: dict[
        str, tuple[ReferenceScore, ...]
    ]  # metric without checkpoint -> real data first
    estimates: dict[tuple[str, str], Estimate]  # (variant, metric)
    pairs: dict[str, list[Pair]]  # metric -> all pairs of variants that have scores
    rankings: dict[str, tuple[list[int], Ranking]]  # metric -> (variants, their ranking)

    @property
    def checkpoints(self) -> list[str]:
        """Return the measured checkpoints, the headline first."""
        return list(dict.fromkeys(metric.checkpoint for metric in self.metrics))

    @property
    def primary(self) -> tuple[Quantity, ...]:
        """Return the metrics of the headline checkpoint, which are shown by default."""
        first = self.checkpoints[:1]
        return tuple(metric for metric in self.metrics if metric.checkpoint in first)

    @property
    def measured(self) -> tuple[Quantity, ...]:
        """Return those of ``primary`` that some variant has a value of."""
        found = {metric for _, metric in self.estimates}
        return tuple(metric for metric in self.primary if metric.name in found)

    def estimate(self, variant: Variant, metric: Quantity) -> Estimate | None:
        """Return a variant's estimate of a metric, if it has values."""
        return self.estimates.get((variant.name, metric.name))

    def real(self, metric: Quantity) -> float | None:
        """Return the metric's value for real data, if it was measured."""
        return self.reference(metric, "real")

    def reference(self, metric: Quantity, name: str) -> float | None:
        """Return the metric's value for real data or a weak sampler, if it was measured."""
        found = self.references.get(metric.base, ())
        return next((entry.value for entry in found if entry.name == name), None)

    @property
    def reference_names(self) -> list[str]:
        """Return the name of every reference that some metric has, real data first."""
        return _ordered({entry.name for found in self.references.values() for entry in found})

    def history_columns(self) -> list[Quantity]:
        """Return history columns that have values: validation metrics, diagnostics, then losses."""
        names: set[str] = set()
        for run in self.collection.runs:
            names |= set(map(str, run.history.columns[run.history.notna().any()]))
        return ordered(names - set(AXES) - {"images_per_second"}, "".join(self.checkpoints[:1]))

    def protocol_pairs(self, across: str, up: str) -> list[tuple[Quantity, Quantity]]:
        """Return pairs of two metrics, such as precision and recall, of the same protocol."""
        by_base = {metric.base: metric for metric in self.measured}
        return [
            (metric, by_base[other])
            for base, metric in by_base.items()
            if base.startswith(across) and (other := up + base.removeprefix(across)) in by_base
        ]


def compare(collection: Collection) -> Comparison:
    """Group the runs by variant, in order of first appearance, and summarize each metric."""
    groups: dict[str, list[Run]] = {}
    for run in collection.runs:
        groups.setdefault(run.variant, []).append(run)
    variants = tuple(
        Variant(name, tuple(sorted(runs, key=lambda run: run.record.seed)), index)
        for index, (name, runs) in enumerate(groups.items())
    )
    names = {name for run in collection.runs for name in run.record.metrics}
    first = headline_checkpoint([run.record.metrics for run in collection.runs])
    metrics = tuple(ordered(names, first))
    estimates = {
        (variant.name, metric.name): statistics.estimate(values, metric.low, metric.high)
        for variant in variants
        for metric in metrics
        if (values := list(variant.values(metric.name).values()))
    }
    directed = [metric for metric in metrics if metric.better]
    scores = {metric.name: [variant.scores(metric) for variant in variants] for metric in directed}
    pairs = {metric.name: all_pairs(scores[metric.name], metric.better) for metric in directed}
    ranked = {name: ranking(found) for name, found in scores.items()}
    rankings = {name: found for name, found in ranked.items() if found is not None}
    found_references = references(collection.runs)
    return Comparison(collection, variants, metrics, found_references, estimates, pairs, rankings)


def reference_title(name: str) -> str:
    """Return the title of a reference.

    >>> reference_title("real"), reference_title("one_pixel_shift")
    ('Real images', 'One pixel shift')
    """
    return REFERENCE_TITLES.get(name, name.replace("_", " ").capitalize())


def references(runs: Sequence[Run]) -> dict[str, tuple[ReferenceScore, ...]]:
    """Return metric -> its references over all runs, real data first."""
    found: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        for metric, values in run.record.reference_scores.items():
            for name, value in values.items():
                found.setdefault(metric, {}).setdefault(name, []).append(value)
    return {
        metric: tuple(
            ReferenceScore(name, reference_title(name), median(v), max(v) - min(v))
            for name in _ordered(set(values))
            for v in (values[name],)
        )
        for metric, values in sorted(found.items())
    }


def _ordered(names: set[str]) -> list[str]:
    places = {name: place for place, name in enumerate(REFERENCE_TITLES)}
    return sorted(names, key=lambda name: (places.get(name, len(places)), name))


def all_pairs(scores: Sequence[Scores], better: int) -> list[Pair]:
    """Compare every two variants that have scores; Holm's correction is over all of these."""
    present = [index for index, found in enumerate(scores) if found]
    found = list(combinations(present, 2))
    p = [statistics.rank_test([*scores[a].values()], [*scores[b].values()]) for a, b in found]
    corrected = statistics.holm(p)
    return [
        _pair((a, b), scores[a], scores[b], better, values)
        for (a, b), values in zip(found, zip(p, corrected, strict=True), strict=True)
    ]


def _pair(
    indices: tuple[int, int], a: Scores, b: Scores, better: int, p: tuple[float, float]
) -> Pair:
    x, y = list(a.values()), list(b.values())
    theta = statistics.probability_of_improvement(x, y)
    alive = [[v for v in values if math.isfinite(v)] for values in (x, y)]
    both = all(alive)
    shared = [seed for seed in a if math.isfinite(a[seed]) and math.isfinite(b.get(seed, math.nan))]
    gains = [a[seed] - b[seed] for seed in shared]
    return Pair(
        *indices,
        n=len(x),
        m=len(y),
        theta=theta,
        interval=statistics.improvement_interval(theta, len(x), len(y)),
        p=p[0],
        p_holm=p[1],
        shift=better * statistics.hodges_lehmann(*alive) if both else None,
        shift_interval=_in_unit(
            statistics.hodges_lehmann_interval(*alive) if both else None, better
        ),
        effect=statistics.standardised_difference(*alive) if both else None,
        shared=len(shared),
        wins=sum(gain > 0 for gain in gains),
        paired_shift=better * sum(gains) / len(gains) if gains else None,
        paired_interval=_in_unit(statistics.t_interval(gains), better),
        p_paired=statistics.sign_flip(gains),
    )


def _in_unit(interval: Interval | None, better: int) -> Interval | None:
    """Turn an interval of score differences into one of the metric, whose sign may be opposite."""
    if interval is None or better > 0:
        return interval
    return Interval(-interval.high, -interval.low)


def ranking(scores: Sequence[Scores]) -> tuple[list[int], Ranking] | None:
    """Rank the variants that have scores, over the seeds that all of them have."""
    present = [index for index, found in enumerate(scores) if found]
    seeds = sorted(set.intersection(*(set(scores[i]) for i in present))) if present else []
    if not seeds:
        return None
    found = statistics.rank([[scores[index][seed] for index in present] for seed in seeds])
    return (present, found) if found else None
