"""gan_zoo called from Python: the same configurations, runs and records as from a shell."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from gan_zoo import cli
from gan_zoo.building import build, config_folder
from gan_zoo.configuration import explain
from gan_zoo.records import AlreadyFinished, RunRecord, read_record
from gan_zoo.settings import ConfigurationError

if TYPE_CHECKING:
    from gan_zoo.trainer import Trainer

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_NO_TEXTS = ("null", "true", "false", "nan", "inf")

Given = Mapping[str, Any] | Sequence[str]


class Run(NamedTuple):
    """What a run has left."""

    folder: Path
    record: RunRecord  # its status says whether it finished or diverged; its numbers are in metrics


def train(
    config: Given = (), *, folder: str | Path | None = None, config_dir: str | Path | None = None
) -> Run:
    """Train and measure one variant in this process, as ``gan-zoo`` does.

    ``train({"loss": "wgan", "trainer": {"epochs": 1}})`` is ``train(["loss=wgan",
    "trainer.epochs=1"])``.

    Args:
        config: what differs from the shipped configuration: a mapping, nested as the configuration
            is, where a text for a group (``loss``, ``data`` ...) chooses a file of it; or a list
            of the words of a command line.
        folder: of the run; None: ``runs/<date>/<time>-<loss>-s<seed>`` in the current folder. Where
            it holds this run, an interrupted one goes on, a finished one is given as it is.
        config_dir: a folder with configurations of your own, beside the shipped ones.

    Returns:
        The folder and the record of the run. torch's global random stream is as it was before.

    Raises:
        ConfigurationError: a mistake in the configuration, told before any training starts.
        Exception: what went wrong in the run, after it was recorded.
    """
    import torch

    with _composed(config, folder, config_dir) as (composed, where):
        try:
            with torch.random.fork_rng():
                cli.train(composed, where)
        except AlreadyFinished:
            if composed.resume == "never":
                raise
    return Run(where, read_record(where))


def make_trainer(config: Given = (), *, config_dir: str | Path | None = None) -> "Trainer":
    """The trainer of a variant, to be stepped in a loop of your own; it writes no files.

    ``step()`` is an update of D and, every ``n_critic``-th time, of G; ``collect()`` gives the
    means of what was logged since; the networks are ``generator`` and ``discriminator``.

    Args:
        config, config_dir: as for ``train``.

    Raises:
        ConfigurationError: a mistake in the configuration.
    """
    from gan_zoo.experiment import build_trainer

    with _composed(config, None, config_dir) as (composed, _):
        return build_trainer(build(composed))


@contextmanager
def _composed(
    config: Given, folder: str | Path | None, config_dir: str | Path | None
) -> Iterator[tuple[DictConfig, Path]]:
    """The configuration and the folder of its run, while Hydra knows of it."""
    words = overrides(config)
    if folder is not None:
        words.append(f"hydra.run.dir={_value(str(Path(folder).absolute()))}")
    if config_dir is not None:
        words.append(f"hydra.searchpath=[{_value(f'file://{_config_dir(config_dir)}')}]")
    before = HydraConfig.instance().cfg
    try:
        try:
            with initialize_config_dir(str(config_folder().absolute()), version_base="1.3"):
                composed = compose("config", overrides=words, return_hydra_config=True)
            if composed.hydra.mode is RunMode.MULTIRUN:
                raise ConfigurationError(
                    "this configuration is a sweep, and train() makes one run: give the command to"
                    " a shell, or call train() for each of its runs"
                )
            HydraConfig.instance().set_config(composed)
            where = Path(composed.hydra.run.dir).absolute()
            with open_dict(composed):
                del composed["hydra"]
            OmegaConf.resolve(composed)
        except ConfigurationError:
            raise
        except cli.MISTAKES as error:
            raise ConfigurationError(explain(error)) from error
        yield composed, where
    finally:
        HydraConfig.instance().cfg = before


def overrides(config: Given) -> list[str]:
    """A configuration as the words of a command line.

    >>> overrides({"loss": "wgan", "trainer": {"epochs": 1, "max_steps": None}, "seed": 3})
    ['loss=wgan', 'trainer.epochs=1', 'trainer.max_steps=null', 'seed=3']

    Raises:
        ConfigurationError: neither a mapping nor a list of texts, or a value that is no plain data.
    """
    if isinstance(config, Mapping):
        return [f"{key}={_value(value)}" for key, value in _flat(config, "")]
    if isinstance(config, str) or not all(isinstance(word, str) for word in config):
        raise ConfigurationError(
            f"the configuration is {config!r}; allowed: a mapping, as {{'loss': 'wgan'}}, or a list"
            " of words, as ['loss=wgan', 'seed=1']"
        )
    return list(config)


def _flat(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        whole = bool(prefix) and isinstance(value, Mapping) and "_target_" in value  # an object
        if isinstance(value, Mapping) and value and not whole:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _value(value: Any) -> str:
    """A value in the grammar of Hydra's overrides; what would not stay a text there is quoted."""
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _NO_TEXTS:
            return value
        return "'" + re.sub(r"(\\*)('|$)", _escaped, value) + "'"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{_value(v)}' for key, v in value.items())}}}"
    raise ConfigurationError(
        f"the configuration holds {value!r}, a {type(value).__name__}; allowed: texts, numbers,"
        " true or false, None, lists and mappings"
    )


def _escaped(found: re.Match[str]) -> str:
    """Backslashes count only before a quote, where each is doubled."""
    slashes, quote = found.groups()
    return 2 * slashes + (f"\\{quote}" if quote else "")


def _config_dir(folder: str | Path) -> Path:
    path = Path(folder).absolute()
    if not path.is_dir():
        raise ConfigurationError(f"config_dir is {str(folder)!r}: there is no such folder")
    return path
