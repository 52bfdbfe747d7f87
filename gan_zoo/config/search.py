"""Hyper-parameter search: ranges, settings drawn from them, and the objective of a run.

Lucic et al. 2018 (arXiv 1711.10337, section 5): a method is judged by the best of as many random
settings as every other one gets.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol

from gan_zoo.config.validate import require_extra
from gan_zoo.runs.record import RunRecord
from gan_zoo.types import ConfigurationError

if TYPE_CHECKING:
    import optuna

DIGITS = 6  # significant digits of a drawn number, in the command line of its run


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
                "interval(low, high) needs two finite ends, the lower first, got"
                f" interval({self.low:g}, {self.high:g})"
            )
        if self.log and self.low <= 0:
            raise ConfigurationError(
                "tag(log, interval(low, high)) needs ends above 0, got"
                f" interval({self.low:g}, {self.high:g})"
            )

    def at(self, u: float) -> str:
        """Return the quantile u: low (high / low)^u, or low + (high - low) u.

        >>> Interval(1e-4, 1e-2, log=True).at(0.5)
        '0.001'
        """
        value = self.low + (self.high - self.low) * u
        if self.log:
            value = self.low * (self.high / self.low) ** u
        return repr(min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high))


@dataclass(frozen=True)
class Choice:
    """One of some values, each as likely as the others; strings, as on a command line."""

    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ConfigurationError("choice() needs at least one value")

    def at(self, u: float) -> str:
        """Return the quantile u: the values in their order, with equal shares.

        >>> [Choice(("1", "5")).at(u) for u in (0.0, 0.49, 0.5)]
        ['1', '1', '5']
        """
        return self.values[int(u * len(self.values))]


Space = Mapping[str, Interval | Choice]  # configuration key -> its values


class SettingsSampler(Protocol):
    """Proposes settings one after the other and may learn from their objectives."""

    def ask(self, number: int) -> dict[str, str]:
        """Return the setting of that number, counted from 0."""
        ...

    def tell(self, number: int, value: float) -> None:
        """Learn a setting's objective, less is better; inf: it diverged; NaN: unknown."""
        ...


@dataclass(frozen=True)
class RandomSampler:
    """Draw settings independently; they depend on seed, number and key alone.

    So a small search is the beginning of a larger one, and methods that share a key share its
    values: a paired comparison, where Lucic et al. draw separately for each method.
    """

    space: Space
    seed: int

    def ask(self, number: int) -> dict[str, str]:
        """Return the setting of that number, counted from 0."""
        return {
            key: among.at(Random(f"{self.seed} {number} {key}").random())
            for key, among in self.space.items()
        }

    def tell(self, number: int, value: float) -> None:
        """Ignore the objective."""


class TpeSampler:
    """Tree-structured Parzen estimator by Optuna (Bergstra et al. 2011; extra ``optuna``).

    The first ten settings are random. The same answers in the same order give the same settings,
    so a search whose command is repeated finds what is done.

    Raises:
        ConfigurationError: Optuna is not installed.
    """

    def __init__(self, space: Space, seed: int):
        require_extra("hydra/sweeper=optuna", "optuna", "optuna")
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space = space
        self._failed = optuna.trial.TrialState.FAIL
        sampler = optuna.samplers.TPESampler(seed=seed)
        self._study = optuna.create_study(direction="minimize", sampler=sampler)
        self._trials: dict[int, optuna.Trial] = {}

    def ask(self, number: int) -> dict[str, str]:
        """Return the setting of that number, counted from 0."""
        trial = self._trials[number] = self._study.ask()
        return {key: _suggested(trial, key, among) for key, among in self.space.items()}

    def tell(self, number: int, value: float) -> None:
        """Learn a setting's objective; infinity is the worst value, NaN teaches nothing."""
        trial = self._trials.pop(number)
        if math.isnan(value):
            self._study.tell(trial, state=self._failed)
        else:
            self._study.tell(trial, value)


def _suggested(trial: "optuna.Trial", key: str, among: Interval | Choice) -> str:
    if isinstance(among, Choice):
        return str(trial.suggest_categorical(key, among.values))
    return str(trial.suggest_float(key, among.low, among.high, log=among.log))


SAMPLERS: dict[str, Callable[[Space, int], SettingsSampler]] = {
    "random": RandomSampler,
    "tpe": TpeSampler,
}


def objective(record: RunRecord) -> float:
    """Return what a search minimises: the lowest validation FID of a run, or a toy's own criterion.

    It is that of the weights kept as the best: averaged ones (EMA) where the run has them. A run
    that diverged has infinity, the worst value, whatever it reached before; NaN means that nothing
    is known: the run failed, was interrupted, or measured nothing.
    """
    if record.status == "diverged":
        return math.inf
    if record.status != "finished":
        return math.nan
    return float(record.best.get(record.headline, {}).get("value", math.nan))
