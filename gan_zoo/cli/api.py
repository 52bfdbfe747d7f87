"""Training from Python: the same configurations, runs and records as from a shell."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from gan_zoo.cli import train as command
from gan_zoo.cli.output import lasting_output
from gan_zoo.config.compose import compose_config
from gan_zoo.config.explain import MISTAKES, explain
from gan_zoo.runs.overrides import Given, hydra_value, overrides, path_override
from gan_zoo.runs.record import AlreadyFinished, RunRecord, read_record
from gan_zoo.training import run
from gan_zoo.training.process import keep_freed_memory
from gan_zoo.types import ConfigurationError

if TYPE_CHECKING:
    from gan_zoo.training.trainer import Trainer


class Run(NamedTuple):
    """A finished run: its folder and its record."""

    folder: Path
    record: RunRecord  # status: finished or diverged; metrics: the final numbers


def train(
    config: Given = (), *, folder: str | Path | None = None, config_dir: str | Path | None = None
) -> Run:
    """Train and evaluate one variant in this process, as ``gan-zoo`` does.

    ``train({"loss": "wgan", "trainer": {"epochs": 1}})`` is ``train(["loss=wgan",
    "trainer.epochs=1"])``.

    Args:
        config: changes to the shipped configuration: a nested mapping, in which a string for a
            group (``loss``, ``data`` ...) chooses one of its files; or a list of the words of a
            command line.
        folder: of the run; None: ``runs/<date>/<time>-<loss>-s<seed>`` in the current folder. If
            it holds this run, an interrupted one is resumed, a finished one returned as it is.
        config_dir: a folder with configurations of your own, beside the shipped ones.

    Returns:
        The folder and the record of the run. PyTorch's global random state is left unchanged.

    Raises:
        ConfigurationError: a mistake in the configuration, before any training starts.
        Exception: an error of the run, after it was recorded.
    """
    from gan_zoo.data.devices import kept_global_streams

    with _composed(config, folder, config_dir) as (composed, where):
        try:
            keep_freed_memory()
            with lasting_output(), kept_global_streams():
                run.train(composed, where)
        except AlreadyFinished:
            if composed.resume == "never":
                raise
    return Run(where, read_record(where))


def make_trainer(config: Given = (), *, config_dir: str | Path | None = None) -> "Trainer":
    """Return the trainer of a variant, to be stepped in a loop of your own; it writes no files.

    ``step()`` updates D and, every ``n_critic``-th time, G; ``collect()`` returns the means of what
    was logged since the last call; the networks are ``generator`` and ``discriminator``.

    Args:
        config, config_dir: as for ``train``.

    Raises:
        ConfigurationError: a mistake in the configuration.
    """
    from gan_zoo.training.build import build_trainer

    with _composed(config, None, config_dir) as (composed, _):
        return build_trainer(run.components_of(composed))


@contextmanager
def _composed(
    config: Given, folder: str | Path | None, config_dir: str | Path | None
) -> Iterator[tuple[DictConfig, Path]]:
    """Compose the configuration and the folder of its run, with Hydra's global state set."""
    words = overrides(config)
    if folder is not None:
        words.append(path_override("hydra.run.dir", Path(folder).expanduser().absolute()))
    if config_dir is not None:
        words.append(f"hydra.searchpath=[{hydra_value(f'file://{_config_dir(config_dir)}')}]")
    before = HydraConfig.instance().cfg
    try:
        try:
            composed = compose_config(words, with_hydra=True)
            if composed.hydra.mode is RunMode.MULTIRUN:
                raise ConfigurationError(
                    "this configuration is a sweep, and train() makes one run: use the command"
                    " line, or call train() for each run"
                )
            command.check_command(composed.hydra, composed.sweep_name)
            HydraConfig.instance().set_config(composed)
            where = Path(composed.hydra.run.dir).absolute()
            with open_dict(composed):
                del composed["hydra"]
            OmegaConf.resolve(composed)
        except ConfigurationError:
            raise
        except MISTAKES as error:
            raise ConfigurationError(explain(error)) from error
        yield composed, where
    finally:
        HydraConfig.instance().cfg = before


def _config_dir(folder: str | Path) -> Path:
    path = Path(folder).expanduser().absolute()
    if not path.is_dir():
        raise ConfigurationError(f"config_dir is {str(folder)!r}: no such folder")
    return path
