"""The runs of the study: ``python -m gan_zoo.experiments.study_runs [stage=STAGE] [run=true]``.

Prints the commands of a stage and what the published runs took and, with run=true, runs the
commands one after the other; what is there already is skipped. Stages: mnist, fashion, search,
winners (what the search chose, with fresh seeds: after it), stress, or all of them in this order.
Options, as key=value:

    stage   mnist | fashion | search | winners | stress | all
    run     true: run the commands, from the root of the repository
"""

import math
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_zoo.cli.options import program
from gan_zoo.config.compose import compose_config, plain
from gan_zoo.config.search import objective
from gan_zoo.experiments.study import Data, read
from gan_zoo.report.formatting import duration
from gan_zoo.runs.overrides import shell_word
from gan_zoo.runs.record import RECORD_NAME, RecordError, RunRecord, read_record
from gan_zoo.runs.resume import SWEEPS

STAGES = ("mnist", "fashion", "search", "winners", "stress")
FEW = (500, 2_000, 10_000)  # training images under stress
_MEASURED = 781  # discriminator updates between two measurements, as with all training images


@dataclass(frozen=True)
class Options:
    """What the command line may say."""

    stage: str = "all"
    run: bool = False

    def __post_init__(self) -> None:
        if self.stage not in (*STAGES, "all"):
            raise ValueError(f"stage is {self.stage!r}; allowed: {', '.join(STAGES)}, all")


@dataclass(frozen=True)
class Winner:
    """The setting of a loss that its search chose."""

    loss: str
    words: tuple[str, ...]
    value: float  # mean over its seeds of the lowest validation FID
    settings: int  # tried
    lost: int  # of them without a finite value


def commands(stage: str, sweeps: Path) -> Iterator[list[str]]:
    """Return the words that follow ``python run.py`` for each sweep of a stage.

    Raises:
        ValueError: the search that the winners come from is not there.
    """
    if stage == "winners":
        for winner in winners(sweeps / "study_search"):
            yield ["experiment=study_winners", f"loss={winner.loss}", *winner.words]
    elif stage == "stress":
        yield from stress()
    else:
        yield [f"experiment=study_{stage}"]


def winners(search: Path) -> list[Winner]:
    """Return the best setting of each loss below the folder of the search, by validation alone.

    A setting counts with the mean over its seeds; one that diverged is the worst, one that failed
    or has not ended is passed over. A loss none of whose settings has a finite value has no winner.

    Raises:
        ValueError: there is no such folder, or no run below it.
    """
    values: dict[str, dict[tuple[str, ...], list[float]]] = {}
    for path in sorted(search.rglob(RECORD_NAME)):
        try:
            record = read_record(path.parent)
        except RecordError as error:
            print(f"gan_zoo: passed over: {error}", file=sys.stderr)
            continue
        setting = values.setdefault(record.loss, {}).setdefault(_setting(record), [])
        setting.append(objective(record))
    if not values:
        raise ValueError(
            f"{search} holds no run: the winners come from the search, so run stage=search first"
        )
    found = [_winner(loss, settings) for loss, settings in sorted(values.items())]
    return [winner for winner in found if winner is not None]


def _winner(loss: str, settings: Mapping[tuple[str, ...], list[float]]) -> Winner | None:
    means = {words: sum(values) / len(values) for words, values in settings.items()}
    finite = {words: value for words, value in means.items() if math.isfinite(value)}
    if not finite:
        print(f"gan_zoo: {loss}: none of {len(means)} settings has a value", file=sys.stderr)
        return None
    words = min(finite, key=lambda each: (finite[each], each))
    return Winner(loss, words, finite[words], len(means), len(means) - len(finite))


def _setting(record: RunRecord) -> tuple[str, ...]:
    """Return the overrides that make a setting: all but the experiment."""
    return tuple(word for word in record.overrides if not word.lstrip("+").startswith("experiment"))


def stress() -> Iterator[list[str]]:
    """Return the sweeps of the stress test; losses whose settings agree share one."""
    name = "experiment=study_stress"
    losses = str(compose_config([name], with_hydra=True).hydra.sweeper.params.loss).split(",")
    configs = {loss: plain(compose_config([f"loss={loss}"])) for loss in losses}
    yield [name, "model.generator.norm=none"]
    for setting in (_rates(5.0), _rates(0.2), _momentum, _critic_steps):
        alike: dict[tuple[str, ...], list[str]] = {}
        for loss, config in configs.items():
            if words := setting(config):
                alike.setdefault(words, []).append(loss)
        for words, group in alike.items():
            yield [name, f"loss={','.join(group)}", *words]
    for images in FEW:
        every = max(1, _MEASURED // (images // 64))
        yield [
            name, "data=mnist_few", f"data.train={images}", f"evaluation.every={every}",
            f"trainer.checkpoint_every={every}", "evaluation.loss_samples=500",
        ]  # fmt: skip


def _rates(factor: float) -> Any:
    def changed(config: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(
            f"optimizer.{network}.lr={factor * config['optimizer'][network]['lr']:.6g}"
            for network in ("discriminator", "generator")
        )

    return changed


def _momentum(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Adam's beta1; RMSprop has none."""
    has_it = "betas" in config["optimizer"]["discriminator"]
    return ("optimizer.discriminator.betas.0=0.9",) if has_it else ()


def _critic_steps(config: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"trainer.n_critic={5 if config['trainer']['n_critic'] == 1 else 1}",)


def effort(stage: str, data: Data) -> str:
    """Return what the published runs of a stage took, in a line."""
    runs = data.runs[data.runs["stage"] == stage]
    if runs.empty:
        return f"# {stage}: no run is published; expect one to ten minutes of a core for each"
    taken = duration(float(runs["seconds"].sum()))
    return f"# {stage}: the {len(runs)} published runs trained for {taken} of one core"


def _run(options: Options) -> None:
    stages = STAGES if options.stage == "all" else (options.stage,)
    incomplete = [stage for stage in stages if not _do(stage, options)]
    if incomplete:
        left = ", ".join(incomplete)
        sys.exit(f"gan_zoo: not all runs finished in: {left}; run the same command again")


def _do(stage: str, options: Options) -> bool:
    """Print or run a stage; whether all its commands succeeded."""
    if stage == "winners" and options.stage == "all" and not options.run:
        print("# winners: after the search, python -m gan_zoo.experiments.study_runs stage=winners")
        return True
    done = True
    print(effort(stage, read()), flush=True)
    for words in commands(stage, Path(SWEEPS)):
        print(" ".join(["python", "run.py", *map(shell_word, words)]), flush=True)
        if options.run:
            done &= subprocess.run([sys.executable, "run.py", *words], check=False).returncode == 0
    return done


main = program(__doc__, Options, _run)


if __name__ == "__main__":
    main()
