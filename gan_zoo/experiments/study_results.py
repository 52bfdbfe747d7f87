"""What the study's data say: outcomes, comparisons and claims, as docs/study.md fixes them.

Pure functions of the tables; statistics are the report's. Nothing is stated of a variant with fewer
than two seeds, and a difference is called established only after Holm's correction.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from gan_zoo.experiments.study import Data, collection
from gan_zoo.report import export, loss_quality, statistics
from gan_zoo.report.comparison import Comparison, Pair, Variant, compare
from gan_zoo.report.load import Run
from gan_zoo.report.loss_quality import Correlation, correlation
from gan_zoo.report.quantities import Quantity
from gan_zoo.report.statistics import Interval
from gan_zoo.report.summary import ALPHA

# The primary outcome and the secondary ones, of the averaged weights, on the test split.
OUTCOMES = (
    "fid", "label_accuracy", "precision", "recall", "density", "coverage", "intra_class_fid",
    "kid", "memorisation",
)  # fmt: skip
LEAST_SEEDS = 2
BY_SEED = ("mnist", "fashion")  # stages that are trained seed by seed
BASELINE = "bce"
GRADIENT = "gradient_norm_generator"
FASTER = 0.9  # share of another's training time that counts as faster
NEAR = 1.05  # a measurement counts as being at a budget up to 5% beyond it
LOSSES = {"D": loss_quality.LOSSES["discriminator"], "G": loss_quality.LOSSES["generator"]}


@dataclass(frozen=True)
class Stage:
    """The runs of one stage, compared on the study's outcomes; the best median comes first."""

    name: str
    comparison: Comparison
    outcomes: Mapping[str, Quantity]  # by the names in OUTCOMES; those that were measured

    @property
    def primary(self) -> Quantity:
        """FID of the averaged weights on the test split."""
        return self.outcomes["fid"]

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All of them, the best median of the primary outcome first."""
        return self.comparison.variants

    def variant(self, name: str) -> Variant | None:
        """Return the variant of that name, if it has the seeds that a statement takes."""
        found = (v for v in self.variants if v.name == name and enough(v))
        return next(found, None)

    def pair(self, first: str, second: str, outcome: str = "fid") -> Pair | None:
        """Return the comparison of two variants, seen from the first; None without enough seeds."""
        a, b = self.variant(first), self.variant(second)
        if a is None or b is None or outcome not in self.outcomes:
            return None
        for pair in self.comparison.pairs[self.outcomes[outcome].name]:
            if (pair.first, pair.second) == (a.index, b.index):
                return pair
            if (pair.first, pair.second) == (b.index, a.index):
                return turned(pair)
        return None


def enough(variant: Variant) -> bool:
    """Whether a variant has as many seeds that ended as a statement takes."""
    ended = variant.counts.get("finished", 0) + variant.counts.get("diverged", 0)
    return ended >= LEAST_SEEDS


def turned(pair: Pair) -> Pair:
    """Return the same comparison seen from the second variant."""

    def negative(interval: Interval | None) -> Interval | None:
        return interval and Interval(-interval.high, -interval.low)

    def opposite(value: float | None) -> float | None:
        return None if value is None else -value

    return replace(
        pair,
        first=pair.second,
        second=pair.first,
        n=pair.m,
        m=pair.n,
        theta=1 - pair.theta,
        interval=pair.interval and Interval(1 - pair.interval.high, 1 - pair.interval.low),
        shift=opposite(pair.shift),
        shift_interval=negative(pair.shift_interval),
        effect=opposite(pair.effect),
        wins=pair.shared - pair.wins,
        paired_shift=opposite(pair.paired_shift),
        paired_interval=negative(pair.paired_interval),
    )


def stage(data: Data, name: str, wanted: Sequence[str] = OUTCOMES) -> Stage | None:
    """Compare the runs of a stage on the outcomes wanted.

    Of stages 1 and 2 the seeds that are complete, as the protocol has it. None if no run has the
    primary outcome.
    """
    runs = collection(data, name).runs
    if name in BY_SEED:
        seeds = complete_seeds(data, name)
        runs = tuple(run for run in runs if run.record.seed in seeds)
    outcomes = {key: metric for key, metric in _outcomes(runs).items() if key in wanted}
    if "fid" not in outcomes:
        return None
    kept = set(outcomes.values())
    primary = outcomes["fid"]
    medians: dict[str, list[float]] = {}
    trimmed = []
    for run in runs:
        metrics = {key: value for key, value in run.record.metrics.items() if key in kept}
        trimmed.append(replace(run, record=replace(run.record, metrics=metrics)))
        value = metrics.get(primary)
        ended = run.record.status in ("finished", "diverged")
        score = math.inf if value is None or run.record.status == "diverged" else value
        medians.setdefault(run.variant, []).extend([score] if ended else [])
    order = {
        variant: (float(np.median(found)) if found else math.inf, variant)
        for variant, found in medians.items()
    }
    trimmed.sort(key=lambda run: order[run.variant])
    compared = compare(replace(collection(data, name), runs=tuple(trimmed)))
    found = {metric.name: metric for metric in compared.metrics}
    return Stage(name, compared, {key: found[metric] for key, metric in outcomes.items()})


def complete_seeds(data: Data, name: str) -> set[int]:
    """Return the seeds at which every loss of a stage has ended; all seeds if there is none."""
    runs = data.runs[data.runs["stage"] == name]
    ended = runs.groupby("seed")["loss"].nunique()
    whole = ended[ended == runs["loss"].nunique()]
    return set(map(int, (ended if whole.empty else whole).index))


def _outcomes(runs: Sequence[Run]) -> dict[str, str]:
    """Outcome -> the metric of the averaged weights on the test split that most runs have."""
    counts: dict[str, int] = {}
    for name in chain.from_iterable(run.record.metrics for run in runs):
        counts[name] = counts.get(name, 0) + 1
    chosen = {}
    for outcome in OUTCOMES:
        pattern = re.compile(rf"ema_{outcome}_(?:[a-z]+cnn_)?test_\w+")
        named = [name for name in counts if pattern.fullmatch(name)]
        if named:
            chosen[outcome] = max(sorted(named), key=lambda name: counts[name])
    return chosen


def established(found: Stage, outcome: str = "fid") -> list[Pair]:
    """Comparisons of an outcome that hold after Holm's correction, the better variant first."""
    pairs = found.comparison.pairs.get(found.outcomes[outcome].name, [])
    held = [pair for pair in pairs if pair.established and min(pair.n, pair.m) >= LEAST_SEEDS]
    return [pair if pair.theta > 0.5 else turned(pair) for pair in held]


def leaders(found: Stage) -> list[Variant]:
    """Variants with enough seeds that no other is established to be better than."""
    beaten = {pair.second for pair in established(found)}
    return [v for v in found.variants if enough(v) and v.index not in beaten]


def default_choice(found: Stage) -> Variant | None:
    """Return the leader with the best median FID among those without a lost run."""
    return next((v for v in leaders(found) if set(v.counts) == {"finished"}), None)


def cheapest(found: Stage) -> Variant | None:
    """Return the leader without a lost run that trains in the least time."""
    whole = [v for v in leaders(found) if set(v.counts) == {"finished"}]
    return min(whole, key=lambda v: seconds(v) or math.inf, default=None)


def seconds(variant: Variant) -> float | None:
    """Return the shortest training time of finished runs.

    Other work on a machine makes a run longer, never shorter, so that the shortest is nearest to
    what the method takes.
    """
    found = [
        r.record.progress["seconds"] for r in variant.finished if "seconds" in r.record.progress
    ]
    return min(found, default=None)


def faster(first: Variant, second: Variant) -> bool:
    """Whether the first takes at least a tenth less training time, by medians."""
    one, other = seconds(first), seconds(second)
    return one is not None and other is not None and one <= FASTER * other


def median(variant: Variant, metric: Quantity) -> float | None:
    """Return the median over runs that ended, a diverged one the worst; None if not finite."""
    scores = list(variant.scores(metric).values())
    value = metric.better * float(np.median(scores)) if scores else math.nan
    return value if math.isfinite(value) else None


def median_of_finished(variant: Variant, metric: str) -> float | None:
    """Return the median of a metric over the runs that finished with a value."""
    values = list(variant.values(metric).values())
    return float(np.median(values)) if values else None


def at_budget(variant: Variant, column: str, axis: str, budget: float) -> float | None:
    """Return the median over runs of the last measurement up to 5% beyond a budget."""
    found = []
    for run in variant.runs:
        if {column, axis} <= set(run.history.columns):
            rows = run.history[[axis, column]].dropna()
            rows = rows[rows[axis] <= NEAR * budget]
            found += [] if rows.empty else [float(rows[column].iloc[-1])]
    return float(np.median(found)) if found else None


def validation_column(stage: Stage) -> str | None:
    """Return the history column of the validation FID of the averaged weights."""
    start = stage.primary.name.partition("_test_")[0] + "_validation_"
    columns = {str(c) for v in stage.variants for run in v.runs for c in run.history.columns}
    return next((column for column in sorted(columns) if column.startswith(start)), None)


def gap(found: Stage, variant: Variant) -> float | None:
    """Return FID's optimality gap from real images (0) to the kernel density sampler (1)."""
    return export.gap(found.comparison, variant, found.primary)


@dataclass(frozen=True)
class Ratio:
    """How many times as large a positive quantity is with one variant as with another."""

    first: str
    second: str
    n: int
    m: int
    ratio: float  # median over all pairs of runs
    interval: Interval | None
    p: float  # exact rank test
    p_holm: float  # corrected over the claims' ratios

    @property
    def established(self) -> bool:
        """Whether the difference holds after Holm's correction."""
        return self.p_holm < ALPHA


def ratios(found: Stage) -> dict[str, Ratio]:
    """Return the ratios that the claims are tested with, corrected together.

    The generator's gradient of the saturating loss against the non-saturating one's, in the first
    and in the last measured epoch.
    """
    wanted = {
        "gradient_first": ("minimax", BASELINE, lambda run: _gradient(run, 0)),
        "gradient_last": ("minimax", BASELINE, lambda run: _gradient(run, -1)),
    }
    values: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for key, (first, second, value) in wanted.items():
        a, b = found.variant(first), found.variant(second)
        found_values = [
            [v for r in each.finished if (v := value(r))] if each else [] for each in (a, b)
        ]
        if min(map(len, found_values)) >= LEAST_SEEDS:
            values[key] = (np.log(found_values[0]), np.log(found_values[1]))
    p = [statistics.rank_test(x, y) for x, y in values.values()]
    corrected = dict(zip(values, zip(p, statistics.holm(p), strict=True), strict=True))
    ratios = {}
    for key, (x, y) in values.items():
        limits = statistics.hodges_lehmann_interval(x, y)
        ratios[key] = Ratio(
            *wanted[key][:2],
            len(x),
            len(y),
            math.exp(statistics.hodges_lehmann(x, y)),
            limits and Interval(math.exp(limits.low), math.exp(limits.high)),
            *corrected[key],
        )
    return ratios


def _gradient(run: Run, place: int) -> float | None:
    if GRADIENT not in run.history.columns:
        return None
    values = run.history[GRADIENT].dropna()
    return None if values.empty else float(values.iloc[place])


@dataclass(frozen=True)
class LossCurve:
    """Whether a variant's own losses say anything of its samples."""

    variant: Variant
    found: Mapping[str, Correlation]  # "D", "G"
    p_holm: Mapping[str, float]  # of the correlation between runs, over all variants and both


def loss_curves(found: Stage) -> list[LossCurve]:
    """Return the correlation of both networks' held-out losses with FID, for each variant."""
    quality = re.sub(r"_test_\w+", "_validation_", found.primary.name)
    measured = []
    for variant in found.variants:
        columns = [str(c) for run in variant.finished for c in run.history.columns]
        column = next((c for c in columns if c.startswith(quality)), None)
        if column is None or not enough(variant):
            continue
        each = {
            network: result
            for network, loss in LOSSES.items()
            if (result := correlation(variant, loss, column, found.primary)) is not None
        }
        measured.append((variant, each))
    tested = [(v.index, n, r.p) for v, each in measured for n, r in each.items() if r.p is not None]
    holm = dict(
        zip(((i, n) for i, n, _ in tested), statistics.holm([p for *_, p in tested]), strict=True)
    )
    return [
        LossCurve(v, each, {n: holm[v.index, n] for n in each if (v.index, n) in holm})
        for v, each in measured
    ]
