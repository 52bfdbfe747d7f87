"""Variants ranked within each seed: mean ranks, Friedman's test, Nemenyi's critical difference."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from gan_zoo.report.statistics import CONFIDENCE


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of k variants over N seeds that all of them have; 1 is best."""

    seeds: int
    mean_ranks: tuple[float, ...]
    p: float | None  # Friedman's test; None where it is not defined
    critical_difference: float


def rank(scores: ArrayLike) -> Ranking | None:
    """Rank variants (columns) within seeds (rows) by scores of which higher is better.

    A seed is a block: its runs share initial weights, data order and latents. Ties, among them all
    diverged runs of a seed, share their mean rank. Two mean ranks differ significantly by more than
    ``q sqrt(k (k + 1) / (6 N))``, q the studentized range quantile over sqrt(2) (Demsar, JMLR 7,
    2006, section 3.2.2; an approximation that is poor for few seeds). None for fewer than three
    variants or two seeds.
    """
    table = np.asarray(scores, dtype=np.float64)
    n, k = table.shape
    if n < 2 or k < 3:
        return None
    ranks = stats.rankdata(-table, axis=1)
    quantile = float(stats.studentized_range.ppf(CONFIDENCE, k, np.inf)) / math.sqrt(2)
    tied = bool((ranks == ranks[:, :1]).all())
    return Ranking(
        seeds=n,
        mean_ranks=tuple(float(value) for value in ranks.mean(axis=0)),
        p=None if tied else float(stats.friedmanchisquare(*ranks.T).pvalue),
        critical_difference=quantile * math.sqrt(k * (k + 1) / (6 * n)),
    )
