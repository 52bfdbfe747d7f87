"""Hyper-parameter search: ranges, settings drawn from them, and what a run is worth.

Lucic et al. 2018 (arXiv 1711.10337, section 5): a method is judged by the best of as many random
settings as every other one gets. Standard library only.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol

from gan_zoo.runs.record import RunRecord
from gan_zoo.types import ConfigurationError

DIGITS = 6  # of a drawn number, in the command line of its run
SAMPLERS = ("random", "tpe")


@dataclass(frozen=True)
class Interval:
    """Numbers from ``low`` to ``high``, uniform, or uniform in their logarithm.

    Raises:
        ConfigurationError: it is empty, not finite, or has no logarithm.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not -math.inf < self.low < self.high < math.inf:
            raise ConfigurationError(
                f"interval({self.low:g}, {self.high:g}): allowed: two finite ends, the lower first"
            )
        if self.log and self.low <= 0:
            raise ConfigurationError(
                f"tag(log, interval({self.low:g}, {self.high:g})): allowed: ends above 0"
            )

    def at(self, u: float) -> str:
        """The quantile u of the distribution: low (high / low)^u, or low + (high - low) u.

        >>> Interval(1e-4, 1e-2, log=True).at(0.5)
        '0.001'
        """
        value = self.low + (self.high - self.low) * u
        if self.log:
            value = self.low * (self.high / self.low) ** u
        return repr(min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high))


@dataclass(frozen=True)
class Choice:
    """One of some values, each as likely as the others; texts, as on a command line."""

    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ConfigurationError("choice(): allowed: one value or more")

    def at(self, u: float) -> str:
        """The quantile u: the values in their order, equal shares.

        >>> [Choice(("1", "5")).at(u) for u in (0.0, 0.49, 0.5)]
        ['1', '1', '5']
        """
        return self.values[int(u * len(self.values))]


Space = Mapping[str, Interval | Choice]  # key of the configuration -> what it may be


class Sampler(Protocol):
    """Proposes settings one after the other and may learn from what they were worth."""

    def ask(self, number: int) -> dict[str, str]:
        """The setting of that number, from 0."""
        ...

    def tell(self, number: int, value: float) -> None:
        """What it came to, less is better; infinite: it diverged; NaN: nothing is known of it."""
        ...


@dataclass(frozen=True)
class RandomSampler:
    """Settings drawn independently; they depend on seed, number and key alone.

    So a search is the beginning of a larger one, and methods that share a key share its values: a
    paired comparison, where Lucic et al. draw anew for each method.
    """

    space: Space
    seed: int

    def ask(self, number: int) -> dict[str, str]:
        """The setting of that number, from 0."""
        return {
            key: among.at(Random(f"{self.seed} {number} {key}").random())
            for key, among in self.space.items()
        }

    def tell(self, number: int, value: float) -> None:
        """Nothing is learned."""


def objective(record: RunRecord) -> float:
    """What a search minimises: the lowest validation FID of a run (on toys: their own criterion).

    That of the weights that are kept as the best: averaged ones (EMA) where the run has them. A run
    that diverged is worth infinity, the worst there is, whatever it reached before; NaN says that
    nothing is known: it failed, was interrupted, or measured nothing.
    """
    if record.status == "diverged":
        return math.inf
    if record.status != "finished":
        return math.nan
    return float(record.best.get(record.headline, {}).get("value", math.nan))
