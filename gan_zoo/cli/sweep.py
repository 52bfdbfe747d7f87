"""The end of a run or sweep: how to resume it, its summary and report, what did not finish."""

import sys
import traceback
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from gan_zoo.runs.lock import alive
from gan_zoo.runs.overrides import path_override, shell_command, shell_word
from gan_zoo.runs.record import RECORD_NAME, RecordError, read_record
from gan_zoo.runs.workers import report_idle, takes_any_gpu, visible_gpus


class SweepFolder(Callback):
    """Remember the folder of this process's run or sweep, which Hydra forgets when a job ends."""

    run: Path | None = None
    folder: Path | None = None
    after: str | None = None

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Store the folder; called by Hydra in the launching process before the first job."""
        try:
            SweepFolder.folder = Path(config.hydra.sweep.dir).resolve()
        except OmegaConfBaseException:
            return  # Hydra raises the same error when it ends the sweep
        SweepFolder.after = config.after_sweep
        one_by_one = config.hydra.launcher._target_.endswith("BasicLauncher")
        if one_by_one and takes_any_gpu(config.hydra.overrides.task, config.device):
            report_idle(len(visible_gpus()), 1, "hydra/launcher=processes uses all")

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Store the run's folder; called by Hydra before a job."""
        SweepFolder.run = Path(config.hydra.runtime.output_dir).resolve()


def has_runs() -> bool:
    """Return whether this process runs a sweep and a run of it has a record."""
    folder = SweepFolder.folder
    return folder is not None and any(folder.glob(f"**/{RECORD_NAME}"))


def finish() -> None:
    """Print the summary of this process's sweep and write its report, if it has runs."""
    folder = SweepFolder.folder
    if folder is None or not has_runs():
        return
    _summarise("gan_zoo.report.run_summary.sweep_summary", folder)
    _report(folder)
    if SweepFolder.after is not None:
        _summarise(SweepFolder.after, folder)


def how_to_resume() -> str:
    """Return the hint that resumes this process's run or sweep."""
    if SweepFolder.folder is not None:
        word = path_override("hydra.sweep.dir", SweepFolder.folder)
    elif SweepFolder.run is not None and (SweepFolder.run / RECORD_NAME).exists():
        word = path_override("resume", SweepFolder.run)
    else:
        return "no run had started: rerun the same command"
    return f"progress is saved: to resume, rerun the same command with {shell_word(word)}"


def exit_if_incomplete() -> None:
    """Exit with code 1 and a list if a run of this process's sweep did not finish.

    Raises:
        SystemExit: listing the runs, or that there are none.
    """
    folder = SweepFolder.folder
    if folder is None:
        return
    paths = sorted(path.parent for path in folder.glob(f"**/{RECORD_NAME}"))
    if not paths:
        sys.exit(f"gan_zoo: the sweep had no runs: check its overrides ({folder})")
    undone = [line for line in map(_undone, paths) if line is not None]
    if undone:
        sys.exit(
            f"gan_zoo: {len(undone)} of {len(paths)} runs did not finish:\n"
            + "\n".join(f"  {line}" for line in undone)
            + f"\n{how_to_resume()}; add resume=retry to rerun what failed"
        )


def _undone(folder: Path) -> str | None:
    """Return a line about a run that did not finish, None for one that did."""
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


def _report(folder: Path) -> None:
    """Write the sweep's report; its failure is printed and does not fail the sweep."""
    from gan_zoo.report.build import build_report

    try:
        print(f"gan_zoo: report: {build_report([folder])}")
    except Exception:
        traceback.print_exc()
        again = shell_command("compare", folder)
        print(f"gan_zoo: the report was not written; retry with: {again}", file=sys.stderr)


def _summarise(name: str, folder: Path) -> None:
    """Print what a function of the sweep's folder returns; its failure does not fail the sweep."""
    from hydra.utils import get_method

    try:
        print(get_method(name)(folder))
    except Exception:
        traceback.print_exc()
        print(f"gan_zoo: no summary was printed: {name}({str(folder)!r}) failed", file=sys.stderr)
