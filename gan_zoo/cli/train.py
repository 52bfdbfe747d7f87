"""The command line: the only module that knows Hydra.

Importing this module and composing a configuration needs no torch, so ``--help`` and ``--cfg job``
answer at once; torch comes in when a job starts.
"""

import hashlib
import json
import math
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any, NoReturn

import hydra
import yaml
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_zoo import __version__
from gan_zoo.cli.output import lasting_output
from gan_zoo.config.build import build, config_folder, plain, refuse_shadowed
from gan_zoo.config.search import objective
from gan_zoo.config.validate import explain, nearest, recordable
from gan_zoo.runs.folders import run_folder, sweep_folder
from gan_zoo.runs.lock import RunLock, RunLockedError, alive
from gan_zoo.runs.overrides import path_override, shell_command, shell_word
from gan_zoo.runs.plan import recorded
from gan_zoo.runs.record import (
    RECORD_NAME,
    AlreadyFinished,
    RecordError,
    RunRecord,
    parse_record,
    read_record,
    write_record,
    write_text,
)
from gan_zoo.runs.resume import CHOICES, COSMETIC, Failed, check_same, should_resume
from gan_zoo.training.allocator import keep_freed_memory
from gan_zoo.training.memory import OutOfMemory, shortage_explained
from gan_zoo.training.signals import Interrupted
from gan_zoo.types import ConfigurationError, DivergenceError, WorkerCrashed

# What a wrong command line, file or value ends in.
MISTAKES = (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError)
LEAKS = (TypeError, OverflowError, AssertionError)  # Hydra and OmegaConf let these through
PLANNED_SWEEPER = "hydra_plugins.gan_zoo.basic_sweeper.PlannedSweeper"
# What the command line says of sweeps alone.
OF_SWEEPS = (
    "hydra.sweep.", "hydra.sweeper.", "hydra/sweeper", "hydra.launcher.", "hydra/launcher",
    "sweep_name=",
)  # fmt: skip
_UNRECORDED = ("resume", "sweep_name", "tracker")


class SweepFolder(Callback):
    """Remembers where the sweep of this process writes, so that ``main`` can report on it."""

    folder: Path | None = None
    after: str | None = None

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Called by Hydra in the launching process before the first job."""
        try:
            SweepFolder.folder = Path(config.hydra.sweep.dir).resolve()
        except OmegaConfBaseException:
            return  # Hydra will say so, where it ends the sweep
        SweepFolder.after = config.after_sweep


def identity(config: DictConfig) -> str:
    """Hash of what determines a run's numbers: the resolved configuration and the version."""
    values = {str(key): config[key] for key in config if key not in ("hydra", *COSMETIC)}
    if not values.get("schedules"):  # a run without is the same as before there were any
        values.pop("schedules", None)
    content = {
        key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        for key, value in values.items()
    }
    text = json.dumps([content, __version__], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


OmegaConf.register_new_resolver("run_id", lambda *, _root_: identity(_root_), replace=True)
OmegaConf.register_new_resolver("run_folder", run_folder, replace=True)
OmegaConf.register_new_resolver("sweep_folder", sweep_folder, replace=True)


@lasting_output()
def main() -> None:
    """Run what the command line says; after a sweep, write its report."""
    wants_traceback = "HYDRA_FULL_ERROR" in os.environ
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach us, who explain them in a few lines
    if "" not in sys.path:
        sys.path.append("")  # a user's own losses in the current folder
    prepare_hydra()
    warnings.filterwarnings("ignore", "provider=", UserWarning)  # check_command refuses it
    start = hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="config")(
        _job
    )
    try:
        own = get_args_parser().parse_known_args()[0].config_dir
        if own is not None:
            refuse_shadowed(Path(own))
        start()
    except KeyboardInterrupt as error:
        _exit_interrupted(error)
    except BaseException as error:
        _exit_of_error(error, wants_traceback=wants_traceback)
        raise
    _end_sweep()
    if SweepFolder.folder is not None:
        _exit_if_incomplete(SweepFolder.folder)


def _exit_of_error(error: BaseException, *, wants_traceback: bool) -> None:
    """End with a message if the error is one that a user can do something about."""
    if isinstance(error, AlreadyFinished | RunLockedError | Failed | DivergenceError | OutOfMemory):
        sys.exit(f"gan_zoo: {error}")
    if isinstance(error, (*MISTAKES, *LEAKS)) and not wants_traceback:
        _end_sweep()
        sys.exit(f"gan_zoo: {_mistake(error)}")
    if isinstance(error, OSError) and not wants_traceback:
        # a full disk, a folder that cannot be written to
        sys.exit(f"gan_zoo: {error}; what was done is kept, the same command goes on from there")
    if not isinstance(error, (*MISTAKES, *LEAKS, OSError)):
        _end_sweep()
        _exit_of_death(error)


def prepare_hydra() -> None:
    """Our presets instead of a plugin's of the same name, and a faster ``--help``; in workers too.

    Hydra would hold our presets to the plugin's schema. For each group that it lists it copies the
    store of all schemas, which takes two thirds of the time: a singleton, copied on loading anyway.
    """
    Plugins.instance()  # discovers them
    stored = ConfigStore.instance().repo.get("hydra", {})
    sweeper = {"_target_": PLANNED_SWEEPER, "max_batch_size": None, "params": None}
    ConfigStore.instance().store("basic", sweeper, group="hydra/sweeper", provider="gan_zoo")
    for path in (config_folder() / "hydra").glob("*/*.yaml"):
        stored.get(path.parent.name, {}).pop(path.name, None)
    ConfigStore.__deepcopy__ = lambda store, _: store  # type: ignore[attr-defined]


def check_command(hydra_config: Any, sweep_name: str | None) -> None:
    """Refuse what has no effect: options of sweeps for one run, of a run for sweeps, hidden files.

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
        told = "of no effect on a sweep: give sweep_name=… or hydra.sweep.dir=… instead"
    else:
        of_others = OF_SWEEPS
        told = "of no effect on one run: add -m for a sweep, or leave it out"
        words += [] if sweep_name is None else [f"sweep_name={sweep_name}"]
    vain = [word for word in words if word.lstrip("+").startswith(of_others)]
    if vain:
        raise ConfigurationError(f"{', '.join(vain)}: {told}")


def _mistake(error: BaseException) -> str:
    """What is told of a mistake; what only looks like one may be looked into."""
    hint = "" if isinstance(error, MISTAKES) else " (HYDRA_FULL_ERROR=1 tells where)"
    return f"{explain(error)}{hint}{_of_a_sweep(error)}"


def _of_a_sweep(error: BaseException) -> str:
    """How to give a value that only the swept options have, if that may have been the mistake."""
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
        f". A value that is the same for a whole sweep must be known without {' '.join(swept)},"
        f" too; if what these choose knows it, write {one}"
    )


def _end_sweep() -> None:
    """What follows a sweep, whether or not all went well."""
    if SweepFolder.folder is not None and _has_runs(SweepFolder.folder):
        _summarise("gan_zoo.report.run_summary.sweep_summary", SweepFolder.folder)
        _report(SweepFolder.folder)
        if SweepFolder.after is not None:
            _summarise(SweepFolder.after, SweepFolder.folder)


def _has_runs(folder: Path) -> bool:
    return any(folder.glob(f"**/{RECORD_NAME}"))


def _exit_of_death(error: BaseException) -> None:
    """End if it is that of a job: its record tells of it, if it came to have one."""
    if not isinstance(error, WorkerCrashed):
        return
    if SweepFolder.folder is not None and _has_runs(SweepFolder.folder):
        _exit_if_incomplete(SweepFolder.folder)
    sys.exit(f"gan_zoo: {error}; {_how_to_go_on()}")  # before its first record


def _exit_interrupted(error: KeyboardInterrupt) -> NoReturn:
    print(f"gan_zoo: interrupted; {_how_to_go_on()}", file=sys.stderr)
    sys.exit(error.exit_code if isinstance(error, Interrupted) else 130)


def _how_to_go_on() -> str:
    if SweepFolder.folder is None:
        word = path_override("resume", HydraConfig.get().runtime.output_dir)
    else:
        word = path_override("hydra.sweep.dir", SweepFolder.folder)
    return f"go on with the same command and {shell_word(word)}"


def _job(config: DictConfig) -> float:
    """One run, in this process or in a worker: what it is worth to a search.

    In a sweep its failure must not end the others.
    """
    with lasting_output():  # in a worker too
        return _run_job(config)


def _run_job(config: DictConfig) -> float:
    context = HydraConfig.get()
    folder = Path(context.runtime.output_dir)
    if context.runtime.cwd not in sys.path:
        sys.path.append(context.runtime.cwd)  # a worker finds a user's own losses too
    keep_freed_memory()
    from gan_zoo.training.eager import without_compiler

    without_compiler()
    if context.mode is not RunMode.MULTIRUN:
        check_command(context, config.sweep_name)
        record = _train(config, folder)
        from gan_zoo.report.run_summary import run_summary

        print(run_summary(folder, record))
        return objective(record)
    try:
        return objective(_train(config, folder))
    except AlreadyFinished:
        print(f"gan_zoo: {folder} is done: skipped", file=sys.stderr)
        return objective(read_record(folder))
    except (RunLockedError, Failed) as error:
        print(f"gan_zoo: skipped: {error}", file=sys.stderr)
    except Exception as error:
        overrides = " ".join(context.overrides.task)
        print(f"gan_zoo: {overrides} failed: {_told(error)}", file=sys.stderr)
    return math.nan


def _train(config: DictConfig, folder: Path) -> RunRecord:
    """Build what the configuration says and run it; a mistake in it is recorded as a failed run."""
    record = _new_record(config)
    sweep = HydraConfig.get().mode is RunMode.MULTIRUN
    choice, retry = str(config.resume), config.resume == "retry" or not sweep
    if config.resume not in CHOICES:  # a folder, which Hydra has made this run's
        choice = "auto"
    with RunLock(folder):
        on = should_resume(
            folder, record, choice, retry=retry
        )  # no torch yet: what is done costs little
        try:
            _check_tuned()
            with shortage_explained():
                parts = build(config)
        except Exception as error:
            if not on:
                record.status = "failed"
                record.error = {"kind": type(error).__name__, "message": _told(error)}
                write_record(folder, record)
            raise
        from gan_zoo.training.checkpoint import load_state
        from gan_zoo.training.run import run

        state = load_state(folder) if on else None
        if state is not None:
            check_same(parse_record(state["journal"]["record"]), record, folder)
        elif on:
            print(f"gan_zoo: {folder}: no good state is left: beginning anew", file=sys.stderr)
        config_yaml = OmegaConf.to_yaml(OmegaConf.create(record.config))
        write_text(folder / "config.yaml", config_yaml)
        launcher = str(OmegaConf.select(HydraConfig.instance().cfg, "hydra.launcher._target_"))  # type: ignore[arg-type]
        bar = sys.stderr.isatty() and "BasicLauncher" in launcher
        outcome = run(parts, folder, record, bar=bar, state=state)
    print(f"gan_zoo: {outcome.loss} seed {outcome.seed} {outcome.status}: {folder}")
    return outcome


def _check_tuned() -> None:
    """Refuse an option of the group ``tuned`` that does not exist, which Hydra passes over.

    Raises:
        ConfigurationError: one that the user has asked for.
    """
    context = HydraConfig.get()
    if not any(word.startswith("tuned=") for word in context.overrides.task):
        return
    folders = [Path(source.path) / "tuned" for source in context.runtime.config_sources]
    names = {path.stem for folder in folders for path in folder.glob("*.yaml")}
    name = str(context.runtime.choices["tuned"])
    if name not in names:
        raise ConfigurationError(
            f"there is no '{name}' in the group 'tuned'.{nearest(name, names)}"
        )


def _new_record(config: DictConfig) -> RunRecord:
    context = HydraConfig.get()
    return RunRecord(
        run_id=identity(config),
        loss=str(context.runtime.choices["loss"]),
        seed=int(config.seed),
        status="running",
        overrides=list(recorded(context.overrides.task)),
        config=recordable({k: v for k, v in plain(config).items() if k not in _UNRECORDED}),
    )


def _told(error: Exception) -> str:
    """A few lines for a mistake in the configuration, the traceback for anything unforeseen."""
    if isinstance(error, MISTAKES):
        return explain(error)
    if isinstance(error, OSError | DivergenceError | RecordError | OutOfMemory):
        return str(error)
    return "".join(traceback.format_exception(error))


def _report(folder: Path) -> None:
    """Write the sweep's report; a failing report must not fail the sweep, but is not hidden."""
    from gan_zoo.report.build import build_report

    try:
        print(f"gan_zoo: report: {build_report([folder])}")
    except Exception:
        traceback.print_exc()
        again = shell_command("compare", folder)
        print(f"gan_zoo: no report; try again with: {again}", file=sys.stderr)


def _summarise(name: str, folder: Path) -> None:
    """Call the experiment's own summary and print it; as with the report, no error is hidden."""
    from hydra.utils import get_method

    try:
        print(get_method(name)(folder))
    except Exception:
        traceback.print_exc()
        print(f"gan_zoo: no summary: {name}({str(folder)!r}) failed", file=sys.stderr)


def _exit_if_incomplete(folder: Path) -> None:
    """End with exit code 1 and a list if a run of the sweep did not come to its end."""
    paths = sorted(path.parent for path in folder.glob(f"**/{RECORD_NAME}"))
    if not paths:
        sys.exit(f"gan_zoo: the sweep had no runs: check its overrides ({folder})")
    undone = [line for line in (_undone(path) for path in paths) if line is not None]
    if undone:
        sys.exit(
            f"gan_zoo: {len(undone)} of {len(paths)} runs did not finish:\n"
            + "\n".join(f"  {line}" for line in undone)
            + f"\n{_how_to_go_on()}; resume=retry tries what failed again"
        )


def _undone(folder: Path) -> str | None:
    """What is to be said of a run that did not come to its end; None of one that did."""
    try:
        record = read_record(folder)
    except RecordError as error:
        return str(error)
    as_error = record.status == "diverged" and record.config["trainer"]["on_divergence"] == "raise"
    if record.status in ("finished", "diverged") and not as_error:
        return None
    if record.status == "running":
        return f"{folder.name}: {'still running' if alive(folder) else 'interrupted'}"
    why = str((record.error or {}).get("message", "")).strip().splitlines()
    return f"{folder.name}: {record.status}" + (f": {why[-1]}" if why else "")


def train(config: DictConfig, folder: Path) -> None:
    """Train one variant in this process, for ``gan_zoo.train``."""
    keep_freed_memory()
    with lasting_output():
        _train(config, folder)
