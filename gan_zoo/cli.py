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
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_zoo import __version__
from gan_zoo.allocator import keep_freed_memory
from gan_zoo.building import build, config_folder, plain
from gan_zoo.configuration import explain, recordable
from gan_zoo.died import JobDied
from gan_zoo.diverged import Diverged
from gan_zoo.folders import run_folder, sweep_folder
from gan_zoo.lock import Busy, RunLock, alive
from gan_zoo.plan import Job, planned, recorded, write_plan
from gan_zoo.records import (
    RECORD_NAME,
    AlreadyFinished,
    RecordError,
    RunRecord,
    parse_record,
    read_record,
    write_record,
    write_text,
)
from gan_zoo.resume import CHOICES, COSMETIC, Failed, check_same, goes_on
from gan_zoo.search import objective
from gan_zoo.settings import ConfigurationError
from gan_zoo.stopping import Interrupted
from gan_zoo.workers import threads_of_a_worker

# What a wrong command line, file or value ends in.
MISTAKES = (HydraException, OmegaConfBaseException, ValueError)
LEAKS = (TypeError, OverflowError, AssertionError)  # Hydra and OmegaConf let these through
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
        if str(config.hydra.sweeper._target_).endswith("BasicSweeper"):  # others decide as they go
            write_plan(SweepFolder.folder, _planned(config))
        if "n_jobs" in config.hydra.launcher:  # workers here, which inherit the environment
            with suppress(ConfigurationError):  # the launcher will say so
                threads = threads_of_a_worker(config.hydra.launcher.n_jobs)
                os.environ["OMP_NUM_THREADS"] = str(threads)


def identity(config: DictConfig) -> str:
    """Hash of what determines a run's numbers: the resolved configuration and the version."""
    keys = [str(key) for key in config if key not in ("hydra", *COSMETIC)]
    content = OmegaConf.to_container(OmegaConf.masked_copy(config, keys), resolve=True)
    text = json.dumps([content, __version__], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


OmegaConf.register_new_resolver("run_id", lambda *, _root_: identity(_root_), replace=True)
OmegaConf.register_new_resolver("run_folder", run_folder, replace=True)
OmegaConf.register_new_resolver("sweep_folder", sweep_folder, replace=True)


def main() -> None:
    """Run what the command line says; after a sweep, write its report."""
    wants_traceback = "HYDRA_FULL_ERROR" in os.environ
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach us, who explain them in a few lines
    if "" not in sys.path:
        sys.path.append("")  # a user's own losses in the current folder
    prepare_hydra()
    start = hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="config")(
        _job
    )
    try:
        start()
    except (AlreadyFinished, Busy, Failed, Diverged) as error:
        sys.exit(f"gan_zoo: {error}")
    except (*MISTAKES, *LEAKS) as error:
        if wants_traceback:
            raise
        _end_sweep()
        sys.exit(f"gan_zoo: {_mistake(error)}")
    except OSError as error:  # a full disk, a folder that cannot be written to
        if wants_traceback:
            raise
        sys.exit(f"gan_zoo: {error}; what was done is kept, the same command goes on from there")
    except KeyboardInterrupt as error:
        _exit_interrupted(error)
    except BaseException as error:
        _end_sweep()
        _exit_of_death(error)
        raise
    _end_sweep()
    if SweepFolder.folder is not None:
        _exit_if_incomplete(SweepFolder.folder)


def prepare_hydra() -> None:
    """Our presets instead of a plugin's of the same name, and a faster ``--help``; in workers too.

    Hydra would hold our presets to the plugin's schema. For each group that it lists it copies the
    store of all schemas, which takes two thirds of the time: a singleton, copied on loading anyway.
    """
    Plugins.instance()  # discovers them
    stored = ConfigStore.instance().repo.get("hydra", {})
    for path in (config_folder() / "hydra").glob("*/*.yaml"):
        stored.get(path.parent.name, {}).pop(path.name, None)
    ConfigStore.__deepcopy__ = lambda store, _: store  # type: ignore[attr-defined]


def _mistake(error: BaseException) -> str:
    """What is told of a mistake; what only looks like one may be looked into."""
    hint = "" if isinstance(error, MISTAKES) else " (HYDRA_FULL_ERROR=1 tells where)"
    return f"{explain(error)}{hint}"


def _end_sweep() -> None:
    """What follows a sweep, whether or not all went well."""
    if SweepFolder.folder is not None and _has_runs(SweepFolder.folder):
        _summarise("gan_zoo.run_summary.sweep_summary", SweepFolder.folder)
        _report(SweepFolder.folder)
        if SweepFolder.after is not None:
            _summarise(SweepFolder.after, SweepFolder.folder)


def _has_runs(folder: Path) -> bool:
    return any(folder.glob(f"**/{RECORD_NAME}"))


def _exit_of_death(error: BaseException) -> None:
    """End if it is that of a job: its record tells of it, if it came to have one."""
    if not isinstance(error, JobDied):
        return
    if SweepFolder.folder is not None and _has_runs(SweepFolder.folder):
        _exit_if_incomplete(SweepFolder.folder)
    sys.exit(f"gan_zoo: {error}; {_how_to_go_on()}")  # before its first record


def _exit_interrupted(error: KeyboardInterrupt) -> NoReturn:
    print(f"gan_zoo: interrupted; {_how_to_go_on()}", file=sys.stderr)
    sys.exit(error.exit_code if isinstance(error, Interrupted) else 130)


def _how_to_go_on() -> str:
    if SweepFolder.folder is None:
        return "go on with the same command and resume=<the run's folder>"
    return f"go on with the same command and hydra.sweep.dir={SweepFolder.folder}"


def _job(config: DictConfig) -> float:
    """One run, in this process or in a worker: what it is worth to a search.

    In a sweep its failure must not end the others.
    """
    context = HydraConfig.get()
    folder = Path(context.runtime.output_dir)
    if context.runtime.cwd not in sys.path:
        sys.path.append(context.runtime.cwd)  # a worker finds a user's own losses too
    keep_freed_memory()
    if context.mode is not RunMode.MULTIRUN:
        record = _train(config, folder)
        from gan_zoo.run_summary import run_summary

        print(run_summary(folder, record))
        return objective(record)
    try:
        return objective(_train(config, folder))
    except AlreadyFinished:
        print(f"gan_zoo: {folder} is done: skipped", file=sys.stderr)
        return objective(read_record(folder))
    except (Busy, Failed) as error:
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
        on = goes_on(folder, record, choice, retry=retry)  # no torch yet: what is done costs little
        try:
            parts = build(config)
        except Exception as error:
            if not on:
                record.status = "failed"
                record.error = {"kind": type(error).__name__, "message": _told(error)}
                write_record(folder, record)
            raise
        from gan_zoo.experiment import run
        from gan_zoo.state import load_state

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


def _planned(config: DictConfig) -> list[Job]:
    """The runs of a sweep, as Hydra's own sweeper will multiply them out."""
    given = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    parser = OverridesParser.create(GlobalHydra.instance().config_loader())
    overrides = parser.parse_overrides([*given, *config.hydra.overrides.task])
    (batch,) = BasicSweeper.split_arguments(overrides, None)
    loss, seed = config.hydra.runtime.choices.loss, config.seed
    return [planned(words, loss, seed) for words in batch]


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
    if isinstance(error, OSError | Diverged | RecordError):
        return str(error)
    return "".join(traceback.format_exception(error))


def _report(folder: Path) -> None:
    """Write the sweep's report; a failing report must not fail the sweep, but is not hidden."""
    from gan_zoo.report.build import build_report

    try:
        print(f"gan_zoo: report: {build_report([folder])}")
    except Exception:
        traceback.print_exc()
        print(f"gan_zoo: no report; try again with: python compare.py {folder}", file=sys.stderr)


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
    """One run in this process, for callers from Python: ``gan_zoo.api`` has told Hydra of it."""
    keep_freed_memory()
    _train(config, folder)
