"""All pairs of variants on one metric, and their ranking within seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from gan_zoo.report import pairwise
from gan_zoo.report.ranks import Ranking, rank
from gan_zoo.report.statistics import Interval, t_interval

Scores = Mapping[int, float]  # seed -> score; higher is better, diverged minus infinity


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

    @property
    def established(self) -> bool:
        """Whether the difference survives Holm's correction and its interval excludes 1/2."""
        away = self.interval is not None and not self.interval.low <= 0.5 <= self.interval.high
        return self.p_holm < 0.05 and away


def all_pairs(scores: Sequence[Scores], better: int) -> list[Pair]:
    """Compare every two variants that have scores; Holm's correction is over all of these."""
    present = [index for index, found in enumerate(scores) if found]
    found = list(combinations(present, 2))
    p = [pairwise.rank_test(list(scores[a].values()), list(scores[b].values())) for a, b in found]
    corrected = pairwise.holm(p)
    return [
        _pair((a, b), scores[a], scores[b], better, values)
        for (a, b), values in zip(found, zip(p, corrected, strict=True), strict=True)
    ]


def _pair(
    indices: tuple[int, int], a: Scores, b: Scores, better: int, p: tuple[float, float]
) -> Pair:
    x, y = list(a.values()), list(b.values())
    theta = pairwise.probability_of_improvement(x, y)
    alive_x, alive_y = ([v for v in values if math.isfinite(v)] for values in (x, y))
    both = bool(alive_x and alive_y)
    interval = pairwise.hodges_lehmann_interval(alive_x, alive_y) if both else None
    shared = [seed for seed in a if math.isfinite(a[seed]) and math.isfinite(b.get(seed, math.nan))]
    gains = [a[seed] - b[seed] for seed in shared]
    return Pair(
        *indices,
        n=len(x),
        m=len(y),
        theta=theta,
        interval=pairwise.improvement_interval(theta, len(x), len(y)),
        p=p[0],
        p_holm=p[1],
        shift=better * pairwise.hodges_lehmann(alive_x, alive_y) if both else None,
        shift_interval=_turned(interval, better),
        effect=pairwise.standardised_difference(alive_x, alive_y) if both else None,
        shared=len(shared),
        wins=sum(gain > 0 for gain in gains),
        paired_shift=better * sum(gains) / len(gains) if gains else None,
        paired_interval=_turned(t_interval(gains), better),
        p_paired=pairwise.sign_flip(gains),
    )


def _turned(interval: Interval | None, better: int) -> Interval | None:
    if interval is None or better > 0:
        return interval
    return Interval(-interval.high, -interval.low)


def ranking(scores: Sequence[Scores]) -> tuple[list[int], Ranking] | None:
    """Rank the variants that have scores, over the seeds that all of them have."""
    present = [index for index, found in enumerate(scores) if found]
    if not present:
        return None
    seeds = sorted(set.intersection(*(set(scores[index]) for index in present)))
    if not seeds:
        return None
    found = rank([[scores[index][seed] for index in present] for seed in seeds])
    return (present, found) if found else None
