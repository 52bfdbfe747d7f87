"""Sweepers: a product of values (``basic``), or equal budgets of drawn settings per loss.

Hydra's basic sweeper composes each job only when it starts it and writes no plan; its Optuna
plugin (1.3.0) needs optuna < 3 and searches one space, not one of equal budget for each loss.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from gan_zoo.config.search import SAMPLERS, Choice, Interval, SettingsSampler
from gan_zoo.config.validate import nearest
from gan_zoo.runs.overrides import shell_word
from gan_zoo.runs.plan import Job, recorded, write_plan
from gan_zoo.types import ConfigurationError

_GIVE = "Give a range, such as 'optimizer.discriminator.lr=tag(log,interval(1e-5,1e-2))'"


class PlannedSweeper(BasicSweeper):
    """``hydra/sweeper=basic``: compose every job before any is launched, and write the plan."""

    def sweep(self, arguments: list[str]) -> list[object]:
        """Run the product of all values on the command line."""
        from gan_zoo.cli.train import check_command

        assert self.config is not None  # set by Hydra
        self._jobs = 0
        check_command(self.config.hydra, self.config.sweep_name)
        returns: list[object] = super().sweep(arguments)
        return returns

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Compose all jobs of a batch; called by Hydra before it launches them."""
        assert self.config is not None
        assert self.hydra_context is not None
        jobs = compose_jobs(self.hydra_context.config_loader, self.config, batch, self._jobs)
        write_plan(Path(self.config.hydra.sweep.dir), jobs)
        self._jobs += len(jobs)


def compose_jobs(
    loader: ConfigLoader, master: DictConfig, batch: Sequence[Sequence[str]], first: int
) -> list[Job]:
    """Return the jobs of a sweep, described by their composed configurations.

    Jobs that choose the same options of all groups share one composition, onto a copy of which
    their values are set as Hydra sets them: that takes a fifth of the time.

    Args:
        loader: the launching process's.
        master: the launching process's configuration.
        batch: the overrides of each job.
        first: the number of the first job within the sweep.

    Raises:
        HydraException: an override that does not compose.
        OmegaConfBaseException: a value that cannot be resolved.
    """
    parser = OverridesParser.create(config_loader=loader)
    composed: dict[tuple[str, ...], DictConfig] = {}
    before = HydraConfig.instance().cfg
    jobs = []
    try:
        for number, words in enumerate(batch, first):
            overrides = parser.parse_overrides(list(words))
            values = [override for override in overrides if _is_value(override)]
            choices = tuple(str(o.input_line) for o in overrides if not _is_value(o))
            if choices not in composed:
                composed[choices] = loader.load_sweep_config(master, list(choices))
            config = copy.deepcopy(composed[choices])
            ConfigLoaderImpl._apply_overrides_to_config(values, config)
            with open_dict(config):
                config.hydra.job.id, config.hydra.job.num = f"{number}", number
            HydraConfig.instance().set_config(config)
            folder, loss = config.hydra.sweep.subdir, config.hydra.runtime.choices.loss
            jobs.append(Job(str(folder), str(loss), int(config.seed), recorded(words)))
    finally:
        HydraConfig.instance().cfg = before
    return jobs


def _is_value(override: Override) -> bool:
    """Whether it sets a value, not an option of a group, which a whole composition depends on."""
    key = override.key_or_group
    dotted = "." in key and not key.startswith("hydra.")
    return override.package is None and (dotted or key == "seed")


@dataclass
class Study:
    """The search of one loss."""

    loss: str
    points: list[list[str]]  # the overrides that each setting is run with: every seed, say
    sampler: SettingsSampler
    fixed: list[str]  # overrides that its file gives beside ranges, such as ``a=${b}``
    best: tuple[float, list[str]] | None = None

    def words(self, number: int) -> list[str]:
        """Return the overrides of a setting; ``${key}`` is replaced by that key's value."""
        drawn = self.sampler.ask(number)
        return [*_filled(self.fixed, drawn), *(f"{key}={value}" for key, value in drawn.items())]

    def learn(self, number: int, setting: list[str], value: float) -> None:
        """Pass a setting's objective to the sampler, and remember the best."""
        self.sampler.tell(number, value)
        if math.isfinite(value) and (self.best is None or value < self.best[0]):
            self.best = (value, setting)

    def summary(self, budget: int) -> str:
        """Return a line with the best setting found."""
        found = f"gan_zoo: search: loss={self.loss}:"
        if self.best is None:
            return f"{found} none of {budget} settings gave a finite objective"
        words = " ".join(map(shell_word, self.best[1]))
        return f"{found} best of {budget}: {self.best[0]:.4g}: {words}"


class SearchSweeper(Sweeper):
    """``hydra/sweeper=random|optuna``: run ``budget`` settings of every loss with every seed.

    Ranges are those of ``conf/search/<loss>.yaml``; ``key=interval(…)`` on the command line
    replaces one, ``key=value`` removes the key from the search.
    """

    def __init__(
        self,
        sampler: str,
        budget: int,
        parallel: int,
        seed: int,
        params: Mapping[str, str] | None,
        ranges: Mapping[str, str] | None,
    ):
        self.sampler, self.budget, self.parallel, self.seed = sampler, budget, parallel, seed
        self.params, self.ranges = params or {}, ranges or {}

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Store what a sweep needs; called by Hydra before ``sweep``."""
        self.config: DictConfig = config
        self.loader = hydra_context.config_loader
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        self.hydra_context = hydra_context  # read by Hydra's own checks

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Run all rounds of all losses.

        Raises:
            ConfigurationError: a range, a key or an option that is not possible.
        """
        from gan_zoo.cli.train import check_command

        check_command(self.config.hydra, self.config.sweep_name)
        self._check()
        studies = self._studies(arguments)
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        size = self.budget if self.sampler == "random" else self.parallel
        returns: list[Sequence[JobReturn]] = []
        for first in range(0, self.budget, size):
            numbers = range(first, min(first + size, self.budget))
            returns.append(self._round(studies, numbers, folder, sum(map(len, returns))))
        for study in studies:
            print(study.summary(self.budget))
        for job in (job for batch in returns for job in batch):
            _ = job.return_value  # raises the error of a job that died
        return returns

    def _check(self) -> None:
        if self.sampler not in SAMPLERS:
            raise ConfigurationError(
                f"hydra.sweeper.sampler must be {' or '.join(SAMPLERS)}, got {self.sampler!r}"
            )
        for name, least in (("budget", 1), ("parallel", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ConfigurationError(
                    f"hydra.sweeper.{name} must be at least {least}, got {value!r}"
                )

    def _studies(self, arguments: list[str]) -> list[Study]:
        parser = OverridesParser.create(config_loader=self.loader)
        words = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        overrides = parser.parse_overrides(words)
        given = {o.get_key_element(): o for o in overrides if _is_interval(o)}
        others = [o for o in overrides if not _is_interval(o)]
        (points,) = BasicSweeper.split_arguments(others, None)
        by_loss: dict[str, list[list[str]]] = {}
        jobs = compose_jobs(self.loader, self.config, points, 0)
        for job, point in zip(jobs, points, strict=True):
            by_loss.setdefault(job.loss, []).append(point)
        return [self._study(loss, points, given, parser) for loss, points in by_loss.items()]

    def _study(
        self,
        loss: str,
        points: list[list[str]],
        given: Mapping[str, Override],
        parser: OverridesParser,
    ) -> Study:
        known = self.loader.get_group_options("search")
        if loss not in known and not given and not self.ranges:
            raise ConfigurationError(
                f"loss={loss} has no published ranges, only {', '.join(known)} have. {_GIVE}"
            )
        published = [f"+search={loss}"] if loss in known else []
        config = self.loader.load_sweep_config(self.config, [*points[0], *published])
        ranges = OmegaConf.to_container(config.hydra.sweeper.ranges, resolve=False)
        assert isinstance(ranges, dict)
        fixed = dict(word.lstrip("+").split("=", 1) for word in points[0])
        words = [f"{key!s}={value}" for key, value in ranges.items() if key not in fixed]
        found = {o.get_key_element(): o for o in parser.parse_overrides(words)} | dict(given)
        for key in found:
            _check_key(key, config, loss)
        space = {key: _range(o) for key, o in found.items() if o.is_sweep_override()}
        if not space:
            raise ConfigurationError(
                f"the command line fixes every key that the search of loss={loss} varies. {_GIVE}"
            )
        others = [str(o.input_line) for key, o in found.items() if key not in space]
        return Study(loss, points, SAMPLERS[self.sampler](space, self.seed), _filled(others, fixed))

    def _round(
        self, studies: list[Study], numbers: range, folder: Path, done: int
    ) -> Sequence[JobReturn]:
        """Launch the settings of these numbers, of all losses at once, and learn from them."""
        settings = [(study, number, study.words(number)) for number in numbers for study in studies]
        batch = [[*point, *words] for study, _, words in settings for point in study.points]
        write_plan(folder, compose_jobs(self.loader, self.config, batch, done))
        returns = list(self.launcher.launch(batch, initial_job_idx=done))
        outcomes = iter(returns)
        for study, number, words in settings:
            values = [_value(next(outcomes)) for _ in study.points]
            study.learn(number, words, sum(values) / len(values))
        return returns


def _filled(words: list[str], values: Mapping[str, str]) -> list[str]:
    for key, value in values.items():
        words = [word.replace(f"${{{key}}}", value) for word in words]
    return words


def _is_interval(override: Override) -> bool:
    return isinstance(override.value(), IntervalSweep)


def _range(override: Override) -> Interval | Choice:
    """Read a range of Hydra's grammar: interval, tag(log, interval), int(interval), choice."""
    value: Any = override.value()
    if not isinstance(value, IntervalSweep):
        return Choice(tuple(map(str, override.sweep_string_iterator())))
    unknown = value.tags - {"log"}
    if unknown:
        raise ConfigurationError(
            f"{override.input_line}: the only tag allowed is log, got {', '.join(unknown)}"
        )
    if isinstance(value.start, int) and isinstance(value.end, int) and not value.tags:
        return Choice(tuple(str(number) for number in range(value.start, value.end + 1)))
    low, high = cast(float, value.start), cast(float, value.end)
    return Interval(float(low), float(high), log="log" in value.tags)


def _check_key(key: str, config: DictConfig, loss: str) -> None:
    if OmegaConf.select(config, key) is not None:
        return
    above, _, name = key.rpartition(".")
    parent = OmegaConf.select(config, above) if above else config
    known = [str(k) for k in parent if k != "hydra"] if isinstance(parent, DictConfig) else []
    raise ConfigurationError(
        f"the search of loss={loss} varies {key!r}, which its configuration does not have."
        + nearest(name, known)
    )


def _value(job: JobReturn) -> float:
    if job.status is not JobStatus.COMPLETED:
        return math.nan
    return cast(float, job.return_value)  # what gan_zoo.cli.train returns for a run
