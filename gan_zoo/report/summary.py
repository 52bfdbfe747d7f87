"""The summary in plain words: what the statistics support, and nothing more."""

from dataclasses import dataclass

from gan_zoo.report.comparison import Comparison, Pair, Variant
from gan_zoo.report.formatting import short
from gan_zoo.report.quantities import Quantity
from gan_zoo.report.statistics import smallest_p

HEADLINES = 2
ALPHA = 0.05
MAX_LISTED = 3  # comparisons spelled out in a sentence


@dataclass(frozen=True)
class Statement:
    """One point of the summary."""

    topic: str
    text: str
    detail: str = ""


def headlines(comparison: Comparison) -> list[Quantity]:
    """Return the first metrics of the catalogue that have a direction and values."""
    chosen: dict[int, Quantity] = {}
    for metric in comparison.measured:
        if metric.better:
            chosen.setdefault(metric.rank, metric)
    return list(chosen.values())[:HEADLINES]


def summary(comparison: Comparison) -> list[Statement]:
    """Return the best variant on each headline metric, how certain that is, and the lost runs."""
    statements = [_metric(comparison, metric) for metric in headlines(comparison)]
    if not statements:
        text = "No finished run has a metric yet: nothing can be said about quality."
        statements.append(Statement("No numbers", text))
    further = {"Sample size": power(comparison), "Runs lost": _losses(comparison.variants)}
    return statements + [Statement(topic, text) for topic, text in further.items() if text]


def standing(comparison: Comparison, metric: Quantity) -> list[Variant]:
    """Return variants with scores, best mean probability of improvement over the others first."""
    wins = _wins(comparison, metric)
    scored = [variant for variant in comparison.variants if variant.index in wins]
    return sorted(scored, key=lambda variant: -wins[variant.index])


def _wins(comparison: Comparison, metric: Quantity) -> dict[int, float]:
    """Return for each variant the sum of its probabilities of improvement over all others."""
    wins = {variant.index: 0.0 for variant in comparison.variants if variant.scores(metric)}
    for pair in comparison.pairs.get(metric.name, []):
        wins[pair.first] += pair.theta
        wins[pair.second] += 1 - pair.theta
    return {index: round(total, 9) for index, total in wins.items()}  # sums of ties are equal


def _metric(comparison: Comparison, metric: Quantity) -> Statement:
    best = standing(comparison, metric)[0]
    direction = "higher" if metric.better > 0 else "lower"
    topic = f"{metric.full_title}, {direction} is better"
    found = comparison.estimates[best.name, metric.name]
    bounds, real = found.interval, comparison.real(metric)
    interval = f" [{short(bounds.low, 3)}, {short(bounds.high, 3)}]" if bounds else ""
    aside = "" if real is None else f" (real images: {short(real, 3)})"
    reached = f"{short(found.mean, 3)}{interval}, n = {found.n}{aside}"
    against = [
        pair.seen_from(best.index)
        for pair in comparison.pairs[metric.name]
        if best.index in (pair.first, pair.second)
    ]
    if not against:
        return Statement(
            topic, f"{best.name} reaches {reached}.", "There is nothing to compare it with."
        )
    equal = _equal(comparison, metric, best)
    if all(pair.n + pair.m == 2 for pair in against):
        place = f"shares the best value with {equal}" if equal else "has the best value"
        value = f"{best.name} {place}: {short(found.mean, 3)}{aside}."
        return Statement(
            topic, value, "With one seed each, the certainty of this order is unknown."
        )
    place = f"shares the first rank with {equal}" if equal else "ranks first"
    claim = f"{best.name} {place}: mean {reached}. {_established(against)}"
    return Statement(topic, claim, f"{best.name} beats {_listed(comparison, against)}.")


def _equal(comparison: Comparison, metric: Quantity, best: Variant) -> str:
    """Return the variants that rank as high as the best one, as text; empty if there are none."""
    wins = _wins(comparison, metric)
    names = [
        variant.name
        for variant in comparison.variants
        if variant is not best and wins.get(variant.index) == wins[best.index]
    ]
    return f"{len(names)} others" if len(names) > MAX_LISTED else " and ".join(names)


def _established(against: list[Pair]) -> str:
    count, total = sum(pair.established for pair in against), len(against)
    if count == 0 and total == 1:
        return "The difference is not established."
    if count == 0:
        return "None of the differences is established."
    others = f"{count} of {total} others"
    if count == total:
        others = "the other variant" if total == 1 else f"all {total} others"
    return f"Established against {others}, after Holm's correction."


def _listed(comparison: Comparison, against: list[Pair]) -> str:
    """Return the closest comparisons in full and the number of others."""
    closest = sorted(against, key=lambda pair: pair.theta)[:MAX_LISTED]
    sizes = [f"n = {p.n}" if p.n == p.m else f"n = {p.n} and {p.m}" for p in closest]
    same = len(set(sizes)) == 1
    parts = []
    for pair, size in zip(closest, sizes, strict=True):
        ends = pair.interval
        bounds = f" [{ends.low:.2f}, {ends.high:.2f}]" if ends else ""
        other = comparison.variants[pair.second].name
        text = f"{other} with probability {pair.theta:.2f}{bounds}"
        parts.append(text if same else f"{text} ({size})")
    listed = "; ".join(parts + (sizes[:1] if same else []))
    more = len(against) - len(closest)
    return listed + (f"; and {more} more with at least that probability" if more else "")


def power(comparison: Comparison) -> str | None:
    """Return what the numbers of seeds cannot establish, whatever the values are.

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
            f"With {seeds} no rank test can reach p < 0.05 (smallest possible p: {least:.2g}): the "
            "order describes these runs only. Two variants need at least 4 seeds "
            "each; more variants need more seeds."
        )
    if least * len(pairs) > ALPHA:
        return (
            f"With {seeds} and {len(pairs)} pairs no difference can be established: the smallest "
            f"possible p, {least:.2g}, times {len(pairs)} (Holm) is above 0.05. This needs more "
            "seeds or fewer variants."
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
        f"{'; '.join(found[:6])}{more}. Means leave them out; in comparisons a diverged run is "
        "worse than any finished one."
    )
