"""The verb ``train``: one run, or with -m a sweep; the same words as ``run.py``.

Importing this module and composing a configuration needs no torch, so ``--help`` and ``--cfg job``
answer at once; torch is imported when a job starts.
"""

import argparse
import gc
import inspect
import math
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gan_zoo.cli import sweep
from gan_zoo.cli.output import lasting_output
from gan_zoo.config.compose import (
    OLD_HYDRA,
    VERSION_BASE,
    config_folder,
    current_words,
    refuse_shadowed,
)
from gan_zoo.config.explain import LEAKS, MISTAKES, explain
from gan_zoo.config.search import objective
from gan_zoo.runs.lock import RunLockedError
from gan_zoo.runs.overrides import shell_word
from gan_zoo.runs.record import AlreadyFinished, read_record
from gan_zoo.runs.resume import PreviousRunFailed, run_folder, sweep_folder
from gan_zoo.training.process import OutOfMemory, keep_freed_memory
from gan_zoo.training.run import describe_error, identity, train
from gan_zoo.training.signals import Interrupted
from gan_zoo.training.steps import Steps, stepwise
from gan_zoo.types import ConfigurationError, DivergenceError, WorkerCrashed

PLANNED_SWEEPER = "hydra_plugins.gan_zoo.sweepers.PlannedSweeper"
# Options of sweeps alone.
OF_SWEEPS = (
    "hydra.sweep.", "hydra.sweeper.", "hydra/sweeper", "hydra.launcher.", "hydra/launcher",
    "sweep_name=",
)  # fmt: skip


_register: Any = OmegaConf.register_new_resolver
if "replace" in inspect.signature(OmegaConf.register_resolver).parameters:
    _register = OmegaConf.register_resolver  # its name since omegaconf 2.4
_register("run_id", lambda *, _root_: identity(_root_), replace=True)
_register("run_folder", run_folder, replace=True)
_register("sweep_folder", sweep_folder, replace=True)


@lasting_output()
def main() -> None:
    """Run the command line; after a sweep, write its report.

    Raises:
        SystemExit: a mistake, a failed run or an interruption, with a message of one line.
    """
    try:
        _start()
        sweep.finish()
    except KeyboardInterrupt as error:  # also while the report of a failed sweep is written
        print(f"gan_zoo: interrupted; {sweep.how_to_resume()}", file=sys.stderr)
        sys.exit(error.exit_code if isinstance(error, Interrupted) else 130)
    sweep.exit_if_incomplete()
    gc.freeze()  # do not search the objects of torch and others for garbage on the way out


def _start() -> None:
    """Let Hydra run the jobs; what goes wrong is explained, where a user can do something."""
    wants_traceback = "HYDRA_FULL_ERROR" in os.environ
    os.environ["HYDRA_FULL_ERROR"] = "1"  # raise errors here, where they are explained
    sys.argv[1:] = current_words(sys.argv[1:])
    if "" not in sys.path:
        sys.path.append("")  # a user's own losses in the current folder
    prepare_hydra()
    warnings.filterwarnings("ignore", r"(?s).*SweepFolder", UserWarning)  # Hydra 1.4's callbacks
    warnings.filterwarnings("ignore", "provider=", UserWarning)  # check_command refuses it
    start = hydra.main(**VERSION_BASE, config_path=str(config_folder()), config_name="config")(_job)
    try:
        own = get_args_parser().parse_known_args()[0].config_dir
        if own is not None:
            refuse_shadowed(Path(own))
        start()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        _exit_with(error, wants_traceback=wants_traceback)
        raise


def _exit_with(error: BaseException, *, wants_traceback: bool) -> None:
    """Exit with a message if a user can do something about the error."""
    if isinstance(
        error, AlreadyFinished | RunLockedError | PreviousRunFailed | DivergenceError | OutOfMemory
    ):
        sys.exit(f"gan_zoo: {error}")
    if isinstance(error, (*MISTAKES, *LEAKS)):  # some of Hydra's are OSErrors, too
        if not wants_traceback:
            sweep.finish()
            hint = "" if isinstance(error, MISTAKES) else " (HYDRA_FULL_ERROR=1 shows where)"
            sys.exit(f"gan_zoo: {explain(error)}{hint}{_of_a_sweep(error)}")
        return
    if isinstance(error, OSError):  # a full disk, a folder that cannot be written to
        if not wants_traceback:
            sys.exit(f"gan_zoo: {error}; {sweep.how_to_resume()}")
        return
    sweep.finish()
    if isinstance(error, WorkerCrashed):
        if sweep.has_runs():  # their records say more
            sweep.exit_if_incomplete()
        sys.exit(f"gan_zoo: {error}; {sweep.how_to_resume()}")


def prepare_hydra() -> None:
    """Prefer our presets to a plugin's of the same name, and speed up ``--help``; in workers too.

    Python 3.14 checks help texts when an option is added, and refuses one of Hydra 1.3's, which is
    not a string before it is shown (Hydra's issue 3121): the check is left out.

    Hydra would check our presets against the plugin's schema. For each group that it lists it
    copies the store of all schemas, which takes two thirds of the time: a singleton, and copied on
    loading anyway.
    """
    if OLD_HYDRA and hasattr(argparse.ArgumentParser, "_check_help"):
        argparse.ArgumentParser._check_help = lambda *_: None
    Plugins.instance()  # discovers them
    stored = ConfigStore.instance().repo.get("hydra", {})
    sweeper = {"_target_": PLANNED_SWEEPER, "max_batch_size": None, "params": None}
    store: Any = ConfigStore.instance().store
    known = inspect.signature(store).parameters
    replace = {"replace": True} if "replace" in known else {}  # Hydra 1.4 wants it said
    store("basic", sweeper, group="hydra/sweeper", provider="gan_zoo", **replace)
    for path in (config_folder() / "hydra").glob("*/*.yaml"):
        stored.get(path.parent.name, {}).pop(path.name, None)
    ConfigStore.__deepcopy__ = lambda store, _: store  # type: ignore[attr-defined]


def check_command(hydra_config: Any, sweep_name: str | None) -> None:
    """Refuse options that would have no effect, and files that shadow the shipped ones.

    Raises:
        ConfigurationError: naming them.
    """
    sources = [Path(s.path) for s in hydra_config.runtime.config_sources if s.schema == "file"]
    for folder in sources:
        if not folder.is_dir():
            raise ConfigurationError(f"hydra.searchpath has {str(folder)!r}: no such folder")
        if config_folder().absolute() in sources:
            refuse_shadowed(folder)
    words = [str(word) for word in hydra_config.overrides.hydra]
    if hydra_config.mode is RunMode.MULTIRUN:
        of_others: tuple[str, ...] = ("hydra.run.",)
        advice = "has no effect on a sweep: give sweep_name=… or hydra.sweep.dir=… instead"
    else:
        of_others = OF_SWEEPS
        advice = "has no effect on one run: add -m for a sweep, or remove it"
        words += [] if sweep_name is None else [f"sweep_name={sweep_name}"]
    vain = [word for word in words if word.lstrip("+").startswith(of_others)]
    if vain:
        raise ConfigurationError(f"{', '.join(vain)} {advice}")


def _of_a_sweep(error: BaseException) -> str:
    """Return how to give a value that is valid only with the swept options, if that may help."""
    while error.__cause__ is not None:
        error = error.__cause__
    key = getattr(error, "full_key", None)
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    if not key or not any(word.lstrip("+").partition("=")[0] == key for word in words):
        return ""
    overrides = OverridesParser.create().parse_overrides(words)
    swept = [
        str(o.input_line) for o in overrides if o.is_sweep_override() and "." not in o.key_or_group
    ]
    given = next(o for o in overrides if o.key_or_group == key)
    if not swept or given.is_sweep_override():
        return ""
    one = shell_word(f"{given.get_key_element()}=choice({given.get_value_element_as_str()})")
    return (
        f". A value given for a whole sweep must also be valid without {' '.join(swept)};"
        f" if it is valid only with these, write {one}"
    )


def _job(config: DictConfig) -> float:
    """Run one job, in this process or in a worker."""
    with lasting_output():  # in a worker too
        return job(config)


@stepwise
def job(config: DictConfig) -> Steps[float]:
    """Run one job and return its objective for a search.

    In a sweep its failure must not end the others.
    """
    context = HydraConfig.get()
    folder = Path(context.runtime.output_dir)
    if context.runtime.cwd not in sys.path:
        sys.path.append(context.runtime.cwd)  # a worker finds a user's own losses too
    keep_freed_memory()
    from gan_zoo.training.optimizers import without_compiler

    without_compiler()
    if context.mode is not RunMode.MULTIRUN:
        check_command(context, config.sweep_name)
        record = yield from train.steps(config, folder)
        from gan_zoo.report.run_summary import run_summary

        print(run_summary(folder, record))
        return objective(record)
    try:
        return objective((yield from train.steps(config, folder)))
    except AlreadyFinished:
        print(f"gan_zoo: {folder} is done: skipped", file=sys.stderr)
        return objective(read_record(folder))
    except (RunLockedError, PreviousRunFailed) as error:
        print(f"gan_zoo: skipped: {error}", file=sys.stderr)
    except Exception as error:
        overrides = " ".join(context.overrides.task)
        print(f"gan_zoo: {overrides} failed: {describe_error(error)}", file=sys.stderr)
    return math.nan
