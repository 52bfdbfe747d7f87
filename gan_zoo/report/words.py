"""The plain-words summary: what the statistics support, and nothing more."""

from dataclasses import dataclass

from gan_zoo.report.comparison import Comparison, Variant
from gan_zoo.report.numbers import short
from gan_zoo.report.pairs import Pair
from gan_zoo.report.pairwise import smallest_p
from gan_zoo.report.quantities import Quantity
from gan_zoo.report.statistics import Interval

HEADLINES = 2
ALPHA = 0.05
_DETAILED = 3  # comparisons spelled out in a sentence


@dataclass(frozen=True)
class Statement:
    """One point of the summary."""

    topic: str
    text: str


@dataclass(frozen=True)
class Verdict:
    """The best variant against another one."""

    other: str
    theta: float
    interval: Interval | None
    n: int
    m: int
    established: bool

    def __str__(self) -> str:
        bounds = f" [{self.interval.low:.2f}, {self.interval.high:.2f}]" if self.interval else ""
        size = f"n = {self.n}" if self.n == self.m else f"n = {self.n} and {self.m}"
        return f"{self.other} with probability {self.theta:.2f}{bounds}, {size}"


def headlines(comparison: Comparison) -> list[Quantity]:
    """The metrics spoken of: the first kinds in the catalogue with a direction and values."""
    measured = {metric for _, metric in comparison.estimates}
    chosen: dict[int, Quantity] = {}
    for metric in comparison.primary:
        if metric.better and metric.name in measured:
            chosen.setdefault(metric.rank, metric)
    return list(chosen.values())[:HEADLINES]


def summary(comparison: Comparison) -> list[Statement]:
    """A few sentences: the best variant on each headline metric, how sure, what was lost."""
    said = [_metric(comparison, metric) for metric in headlines(comparison)]
    if not said:
        text = "No finished run has a metric yet: nothing can be said about quality."
        said.append(Statement("No numbers", text))
    further = {"Sample size": power(comparison), "Runs lost": _losses(comparison.variants)}
    return said + [Statement(topic, text) for topic, text in further.items() if text]


def standing(comparison: Comparison, metric: Quantity) -> list[Variant]:
    """Variants with scores, best mean probability of improvement over the others first."""
    scored = [variant for variant in comparison.variants if variant.scores(metric)]
    wins = {variant.index: 0.0 for variant in scored}
    for pair in comparison.pairs.get(metric.name, []):
        wins[pair.first] += pair.theta
        wins[pair.second] += 1 - pair.theta
    return sorted(scored, key=lambda variant: -wins[variant.index])


def verdicts(comparison: Comparison, metric: Quantity, best: Variant) -> list[Verdict]:
    """The best variant against every other one."""
    names = {variant.index: variant.name for variant in comparison.variants}
    return [
        _seen_from(best.index, pair, names)
        for pair in comparison.pairs[metric.name]
        if best.index in (pair.first, pair.second)
    ]


def _seen_from(index: int, pair: Pair, names: dict[int, str]) -> Verdict:
    if pair.first == index:
        return Verdict(
            names[pair.second], pair.theta, pair.interval, pair.n, pair.m, pair.established
        )
    turned = pair.interval and Interval(1 - pair.interval.high, 1 - pair.interval.low)
    return Verdict(names[pair.first], 1 - pair.theta, turned, pair.m, pair.n, pair.established)


def _metric(comparison: Comparison, metric: Quantity) -> Statement:
    order = standing(comparison, metric)
    best = order[0]
    found = comparison.estimates[best.name, metric.name]
    bounds = found.interval
    sure = f" [{short(bounds.low, 3)}, {short(bounds.high, 3)}]" if bounds else ""
    mean = f"{short(found.mean, 3)}{sure}, n = {found.n}"
    against = verdicts(comparison, metric, best) if len(order) > 1 else []
    if not against:
        text = f"{best.name} reaches {mean}. There is nothing to compare it with."
    elif all(verdict.n + verdict.m == 2 for verdict in against):
        text = (
            f"{best.name} has the best value, {short(found.mean)}. With one seed each, how sure "
            "this order is cannot be told."
        )
    else:
        text = f"{best.name} ranks first, mean {mean}. {_told(best.name, against)}"
    direction = "higher" if metric.better > 0 else "lower"
    return Statement(f"{metric.title}, {direction} is better", text)


def _told(name: str, against: list[Verdict]) -> str:
    sure = [verdict for verdict in against if verdict.established]
    unsure = [verdict for verdict in against if not verdict.established]
    parts = []
    if sure:
        parts.append(f"{name} beats {_listed(sure)}: established after Holm's correction.")
    if unsure:
        none = "this difference is not" if len(unsure) == 1 else "none of these differences is"
        start = "It is ahead of" if sure else f"{name} beats"
        parts.append(f"{start} {_listed(unsure)}; {none} established.")
    return " ".join(parts)


def _listed(found: list[Verdict]) -> str:
    """The closest comparisons in full, the others counted."""
    closest = sorted(found, key=lambda verdict: verdict.theta)[:_DETAILED]
    more = len(found) - len(closest)
    rest = f"; and {more} more with at least that probability" if more else ""
    return "; ".join(map(str, closest)) + rest


def power(comparison: Comparison) -> str | None:
    """What the numbers of seeds at hand cannot conclude, whatever the values are.

    Holm's procedure can only reject anything if the smallest possible p times the number of pairs
    stays below 0.05.
    """
    pairs = max(comparison.pairs.values(), key=len, default=[])
    sizes = [(pair.n, pair.m) for pair in pairs]
    if not sizes or max(n + m for n, m in sizes) == 2:
        return None
    n, m = max(sizes, key=lambda size: -smallest_p(*size))
    least = smallest_p(n, m)
    seeds = f"{n} seeds" if n == m else f"{n} and {m} seeds"
    if least > ALPHA:
        return (
            f"With {seeds} no rank test can reach p < 0.05 (the smallest possible p is "
            f"{least:.2g}): read the order as a description, not as a finding. It takes at least 4 "
            "seeds of each variant, and more for more than two variants."
        )
    if least * len(pairs) > ALPHA:
        return (
            f"With {seeds} and {len(pairs)} pairs, Holm's correction cannot establish a single "
            f"difference (smallest possible p {least:.2g}, times {len(pairs)}): more seeds or "
            "fewer variants are needed."
        )
    if min(min(size) for size in sizes) < 5:
        return "Some variants have fewer than 5 seeds: their intervals are wide for a reason."
    return None


def _losses(variants: tuple[Variant, ...]) -> str | None:
    found = []
    for variant in variants:
        lost = [
            f"{variant.counts[status]} {status}"
            for status in ("diverged", "failed", "interrupted")
            if status in variant.counts
        ]
        if lost:
            found.append(f"{variant.name}: {', '.join(lost)} of {len(variant.runs)} runs")
    if not found:
        return None
    more = f"; and {len(found) - 6} more variants" if len(found) > 6 else ""
    return (
        f"Not every run reached its end ({'; '.join(found[:6])}{more}). Means are over finished "
        "runs; in every comparison a diverged run counts as worse than any finished one."
    )
