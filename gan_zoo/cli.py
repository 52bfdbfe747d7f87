"""The command line: the only module that knows Hydra.

Importing this module and composing a configuration needs no torch, so ``--help`` and ``--cfg job``
answer at once; torch comes in when a job starts.
"""

import hashlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_zoo import __version__
from gan_zoo.allocator import keep_freed_memory
from gan_zoo.building import build, config_folder, plain
from gan_zoo.configuration import explain, recordable
from gan_zoo.records import (
    RECORD_NAME,
    AlreadyFinished,
    RunRecord,
    read_record,
    refuse_finished,
    write_record,
    write_text,
)

# What a wrong command line, file or value ends in.
MISTAKES = (HydraException, OmegaConfBaseException, ValueError)
LEAKS = (TypeError, OverflowError, AssertionError)  # Hydra and OmegaConf let these through
_COSMETIC = ("device", "after_sweep")  # keys that do not decide on a run's numbers


class SweepFolder(Callback):
    """Remembers where the sweep of this process writes, so that ``main`` can report on it."""

    folder: Path | None = None
    after: str | None = None

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Called by Hydra in the launching process before the first job."""
        SweepFolder.folder = Path(config.hydra.sweep.dir).resolve()
        SweepFolder.after = config.after_sweep


def identity(config: DictConfig) -> str:
    """Hash of what determines a run's numbers: the resolved configuration and the version."""
    keys = [str(key) for key in config if key not in ("hydra", *_COSMETIC)]
    content = OmegaConf.to_container(OmegaConf.masked_copy(config, keys), resolve=True)
    text = json.dumps([content, __version__], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


OmegaConf.register_new_resolver("run_id", lambda *, _root_: identity(_root_), replace=True)


def main() -> None:
    """Run what the command line says; after a sweep, write its report."""
    wants_traceback = "HYDRA_FULL_ERROR" in os.environ
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach us, who explain them in a few lines
    if "" not in sys.path:
        sys.path.append("")  # a user's own losses in the current folder
    start = hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="config")(
        _job
    )
    try:
        start()
    except AlreadyFinished as error:
        sys.exit(f"gan_zoo: {error}")
    except (*MISTAKES, *LEAKS) as error:
        if wants_traceback:
            raise
        hint = "" if isinstance(error, MISTAKES) else " (HYDRA_FULL_ERROR=1 tells where)"
        sys.exit(f"gan_zoo: {explain(error)}{hint}")
    except KeyboardInterrupt:
        print("gan_zoo: interrupted; what was done is recorded", file=sys.stderr)
        sys.exit(130)
    finally:
        if SweepFolder.folder is not None:
            _report(SweepFolder.folder)
            if SweepFolder.after is not None:
                _summarise(SweepFolder.after, SweepFolder.folder)
    if SweepFolder.folder is not None:
        _exit_if_incomplete(SweepFolder.folder)


def _job(config: DictConfig) -> float:
    """One run, in this process or in a worker; in a sweep its failure must not end the others."""
    context = HydraConfig.get()
    folder = Path(context.runtime.output_dir)
    if context.runtime.cwd not in sys.path:
        sys.path.append(context.runtime.cwd)  # a worker finds a user's own losses too
    keep_freed_memory()
    if context.mode is not RunMode.MULTIRUN:
        _train(config, folder)
        return 0.0
    try:
        _train(config, folder)
    except AlreadyFinished as error:
        print(f"gan_zoo: skipped: {error}", file=sys.stderr)
    except Exception as error:
        overrides = " ".join(context.overrides.task)
        print(f"gan_zoo: {overrides} failed: {_told(error)}", file=sys.stderr)
        return float("nan")
    return 0.0


def _train(config: DictConfig, folder: Path) -> None:
    """Build what the configuration says and run it; a mistake in it is recorded as a failed run."""
    refuse_finished(folder)
    record = _new_record(config)
    try:
        parts = build(config)
    except Exception as error:
        record.status = "failed"
        record.error = {"kind": type(error).__name__, "message": _told(error)}
        write_record(folder, record)
        raise
    from gan_zoo.experiment import run

    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(record.config)))
    launcher = str(OmegaConf.select(HydraConfig.instance().cfg, "hydra.launcher._target_"))  # type: ignore[arg-type]
    bar = sys.stderr.isatty() and "BasicLauncher" in launcher
    outcome = run(parts, folder, record, bar=bar)
    print(f"gan_zoo: {outcome.loss} seed {outcome.seed} {outcome.status}: {folder}")


def _new_record(config: DictConfig) -> RunRecord:
    context = HydraConfig.get()
    hidden = ("loss=", "seed=", "device=", "hydra.", "hydra/")
    return RunRecord(
        run_id=identity(config),
        loss=str(context.runtime.choices["loss"]),
        seed=int(config.seed),
        status="running",
        overrides=sorted(o for o in context.overrides.task if not o.startswith(hidden)),
        config=recordable(plain(config)),
    )


def _told(error: Exception) -> str:
    """A few lines for a mistake in the configuration, the traceback for anything unforeseen."""
    if isinstance(error, MISTAKES):
        return explain(error)
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
    """End with exit code 1 if a run of the sweep did not come to its end."""
    paths = sorted(folder.glob(f"**/{RECORD_NAME}"))
    if not paths:
        sys.exit(f"gan_zoo: the sweep had no runs: check its overrides ({folder})")
    records = [read_record(path.parent) for path in paths]
    undone = [record for record in records if record.status not in ("finished", "diverged")]
    if undone:
        sys.exit(f"gan_zoo: {len(undone)} of {len(records)} runs did not finish; see the report")
