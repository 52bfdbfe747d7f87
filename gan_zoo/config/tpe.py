"""Tree-structured Parzen estimator by Optuna (Bergstra et al. 2011; extra ``optuna``)."""

import math

from gan_zoo.config.search import Choice, Interval, Space
from gan_zoo.types import ConfigurationError


class TpeSampler:
    """Settings where, by what was told so far, good ones are denser than bad ones.

    The first ten are random. Deterministic: the same answers in the same order give the same
    settings, so a search whose command is given again walks through what is done.

    Raises:
        ConfigurationError: Optuna is not installed.
    """

    def __init__(self, space: Space, seed: int):
        try:
            import optuna
        except ImportError as error:
            raise ConfigurationError(
                "hydra/sweeper=optuna needs Optuna: pip install 'gan-zoo[optuna]', or use"
                " hydra/sweeper=random"
            ) from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._failed = optuna.trial.TrialState.FAIL
        self._space = {key: _distribution(among) for key, among in space.items()}
        sampler = optuna.samplers.TPESampler(seed=seed)
        self._study = optuna.create_study(direction="minimize", sampler=sampler)
        self._trials: dict[int, optuna.Trial] = {}

    def ask(self, number: int) -> dict[str, str]:
        """The setting of that number, from 0."""
        self._trials[number] = self._study.ask(self._space)
        return {key: str(value) for key, value in self._trials[number].params.items()}

    def tell(self, number: int, value: float) -> None:
        """What it came to; infinity is the worst, of NaN nothing is learned."""
        trial = self._trials.pop(number)
        if math.isnan(value):
            self._study.tell(trial, state=self._failed)
        else:
            self._study.tell(trial, value)


def _distribution(among: Interval | Choice) -> object:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(among, Choice):
        return CategoricalDistribution(among.values)
    return FloatDistribution(among.low, among.high, log=among.log)
