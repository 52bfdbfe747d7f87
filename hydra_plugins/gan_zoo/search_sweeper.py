"""``hydra/sweeper=random|optuna``: as many settings for each loss, drawn from its ranges."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from gan_zoo.config.search import SAMPLERS, Choice, Interval, RandomSampler, Sampler, Space
from gan_zoo.config.validate import nearest
from gan_zoo.runs.overrides import shell_word
from gan_zoo.runs.plan import write_plan
from gan_zoo.types import ConfigurationError
from hydra_plugins.gan_zoo.basic_sweeper import compose_jobs

_GIVE = "give a range, such as 'optimizer.discriminator.lr=tag(log,interval(1e-5,1e-2))'"


@dataclass
class Study:
    """The search of one loss."""

    loss: str
    points: list[list[str]]  # what each setting is run with: every seed, say
    sampler: Sampler
    fixed: list[str]  # words that its file gives beside ranges, such as ``a=${b}``
    best: tuple[float, list[str]] | None = None

    def words(self, number: int) -> list[str]:
        """The setting of that number; what follows another key has that one's value."""
        drawn = self.sampler.ask(number)
        return [*_filled(self.fixed, drawn), *(f"{key}={value}" for key, value in drawn.items())]

    def learn(self, number: int, setting: list[str], value: float) -> None:
        """Tell the sampler, and remember the best."""
        self.sampler.tell(number, value)
        if math.isfinite(value) and (self.best is None or value < self.best[0]):
            self.best = (value, setting)


class SearchSweeper(Sweeper):
    """Runs ``budget`` settings of every loss on the command line, each with every seed on it.

    Ranges are those of ``conf/search/<loss>.yaml``; ``key=interval(…)`` on the command line
    replaces one, ``key=value`` takes the key out of the search.
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
        """Called by Hydra before ``sweep``."""
        self.config: DictConfig = config
        self.loader = hydra_context.config_loader
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        self.hydra_context = hydra_context  # Hydra's own checks want it

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """All rounds of all losses.

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
            _tell(study, self.budget)
        for done in (job for batch in returns for job in batch):
            _ = done.return_value  # raises what a job that died left
        return returns

    def _check(self) -> None:
        if self.sampler not in SAMPLERS:
            allowed = ", ".join(SAMPLERS)
            raise ConfigurationError(
                f"hydra.sweeper.sampler is {self.sampler!r}; allowed: {allowed}"
            )
        for name, least in (("budget", 1), ("parallel", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ConfigurationError(
                    f"hydra.sweeper.{name} is {value!r}; allowed: {least} or more"
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
                f"there are no published ranges of loss={loss}, only of {', '.join(known)}; {_GIVE}"
            )
        published = [f"+search={loss}"] if loss in known else []
        config = self.loader.load_sweep_config(self.config, [*points[0], *published])
        ranges = _texts(config.hydra.sweeper.ranges)
        fixed = dict(word.lstrip("+").split("=", 1) for word in points[0])
        words = [f"{key}={value}" for key, value in ranges if key not in fixed]
        found = {o.get_key_element(): o for o in parser.parse_overrides(words)} | dict(given)
        for key in found:
            _check_key(key, config, loss)
        searched = {key: _range(o) for key, o in found.items() if o.is_sweep_override()}
        if not searched:
            raise ConfigurationError(
                f"all that loss={loss} could be searched in is fixed on the command line; {_GIVE}"
            )
        fixed_too = [str(o.input_line) for key, o in found.items() if key not in searched]
        sampler = _sampler(self.sampler)(searched, self.seed)
        return Study(loss, points, sampler, _filled(fixed_too, fixed))

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


def _texts(ranges: DictConfig) -> list[tuple[str, str]]:
    """Key and range as on a command line, which is where interpolations are resolved."""
    content = OmegaConf.to_container(ranges, resolve=False)
    assert isinstance(content, dict)
    return [(str(key), str(value)) for key, value in content.items()]


def _sampler(name: str) -> Callable[[Space, int], Sampler]:
    if name == "random":
        return RandomSampler
    from gan_zoo.config.tpe import TpeSampler

    return TpeSampler


def _is_interval(override: Override) -> bool:
    return isinstance(override.value(), IntervalSweep)


def _range(override: Override) -> Interval | Choice:
    """A range in Hydra's grammar: interval, tag(log, interval), int(interval), choice, range."""
    value: Any = override.value()
    if not isinstance(value, IntervalSweep):
        return Choice(tuple(map(str, override.sweep_string_iterator())))
    unknown = value.tags - {"log"}
    if unknown:
        raise ConfigurationError(
            f"{override.input_line}: the tag {', '.join(unknown)} is unknown; allowed: log"
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
    return cast(float, job.return_value)  # what gan_zoo.cli.train returns from a run


def _tell(study: Study, budget: int) -> None:
    if study.best is None:
        print(f"gan_zoo: search: loss={study.loss}: none of {budget} settings came to a number")
        return
    value, words = study.best
    found = " ".join(map(shell_word, words))
    print(f"gan_zoo: search: loss={study.loss}: best of {budget}: {value:.4g}: {found}")
