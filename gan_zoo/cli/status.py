"""The verb ``status``: list the runs below some folders with their progress."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import mean

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gan_zoo.cli.options import Verb
from gan_zoo.report.formatting import duration
from gan_zoo.runs.lock import LOCK_NAME, alive, owner
from gan_zoo.runs.plan import PLAN_NAME, Job, read_plan
from gan_zoo.runs.record import RECORD_NAME, RecordError, RunRecord, read_record
from gan_zoo.types import ConfigurationError

HELP = """\
List the runs below folders: planned, running (with progress and time left), finished, diverged,
failed, interrupted, or damaged (the record cannot be read), their counts, and the time left until
the runs that are running or planned have ended."""

STATES = ("planned", "running", "finished", "diverged", "failed", "interrupted", "damaged")
_COLOURS = {"running": "cyan", "finished": "green", "diverged": "magenta", "failed": "red",
            "interrupted": "yellow", "damaged": "red"}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A row of the table."""

    run: str
    state: str  # one of STATES
    progress: str = ""
    left: float | None = None  # seconds of training
    note: str = ""
    loss: str = ""
    training: float | None = None  # seconds of the whole run, expected or known
    took: float | None = None  # seconds of a finished run, with all measurements


def survey(folder: Path) -> list[Line]:
    """Return all runs below a folder, those that are only planned last.

    Raises:
        ConfigurationError: there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder}: no such folder; give the folder of a sweep or of a run"
        )
    lines: list[Line] = []
    marks = {path.parent for name in (RECORD_NAME, LOCK_NAME) for path in folder.rglob(name)}
    for run in sorted(marks):
        name = run.relative_to(folder).as_posix()
        name = folder.resolve().name if name == "." else name
        try:
            record = read_record(run)
        except RecordError as error:
            lines.append(_unread(run, name, error))
            continue
        lines.append(_line(run, name, record))
    plans = [path.parent for path in sorted(folder.rglob(PLAN_NAME))]
    jobs = {plan / job.folder: job for plan in plans for job in read_plan(plan)}
    shared = set.intersection(*(set(job.overrides) for job in jobs.values())) if jobs else set()
    planned = (job for run, job in jobs.items() if run not in marks)
    return [*lines, *(Line(_name(job, shared), "planned", loss=job.loss) for job in planned)]


def time_left(lines: Sequence[Line]) -> float | None:
    """Return the seconds until what is running or planned has ended; None if they are not known.

    A planned run is expected to train as long as others of its loss, or else as all others, and to
    measure as long in proportion as the finished ones; as many run at a time as are running now.
    """
    running = [line for line in lines if line.state == "running"]
    known = [(line.loss, line.training) for line in lines if line.training is not None]
    if not running or not known:
        return None
    everything = [seconds for _, seconds in known]

    def whole(line: Line) -> float:
        return mean([seconds for loss, seconds in known if loss == line.loss] or everything)

    ended = [(line.took, line.training) for line in lines if line.took and line.training]
    longer = sum(took for took, _ in ended) / sum(seconds for _, seconds in ended) if ended else 1.0
    still = [whole(line) if line.left is None else line.left for line in running]
    work = sum(still) + sum(whole(line) for line in lines if line.state == "planned")
    return longer * max(work / len(running), *still)


@dataclass(frozen=True)
class Options:
    """Options of ``gan-zoo status``: there are none."""


def run(folders: list[Path], _: Options) -> None:
    """Print the table and the counts."""
    given = {path.resolve(): path for path in folders}
    whole = (path for path in given if given.keys().isdisjoint(path.parents))  # each run once
    lines = [line for path in whole for line in survey(given[path])]
    table = Table()
    for column in ("run", "state", "epochs", "left", "note"):
        table.add_column(column, justify="right" if column in ("epochs", "left") else "left")
    for line in lines:
        colour = _COLOURS.get(line.state, "default")
        left = "" if line.left is None else duration(line.left)
        state = f"[{colour}]{line.state}[/]"
        table.add_row(escape(line.run), state, line.progress, left, escape(line.note))
    console = Console()
    console.print(table, crop=False, soft_wrap=not console.is_terminal)
    counts = Counter(line.state for line in lines)
    console.print(", ".join(f"{counts[s]} {s}" for s in STATES if counts[s]) or "no runs")
    left_of_all = time_left(lines)
    if left_of_all is not None:
        still = f"{counts['running'] + counts['planned']} runs, {counts['running']} at a time"
        console.print(f"about {duration(left_of_all)} left for {still}")


def _line(run: Path, name: str, record: RunRecord) -> Line:
    done, epochs = record.progress.get("epoch", 0), record.progress.get("epochs")
    total = epochs or record.config.get("trainer", {}).get("epochs")
    progress = f"{done:.0f}/{total}" if total else ""
    running = alive(run)
    # a retried run holds the lock before it replaces the record of the earlier one
    state = "running" if running else record.status
    if state == "running" and not running:  # killed before it could write its status
        state = "interrupted"
    left, note = None, ""
    if state == "running":
        left, note = _left(record, total), str(owner(run))
    elif record.error is not None:
        note = " ".join(str(record.error.get("message", "")).split())[:100]
        note = f"{record.error.get('kind', '')}: {note}"
    elif state == "interrupted":
        note = "resume it: resume=<its folder>, or the sweep's command"
    seconds = record.progress.get("seconds")
    training = seconds / done * total if seconds is not None and done and total else None
    return Line(name, state, progress, left, note, record.loss, training, _took(record))


def _unread(run: Path, name: str, error: RecordError) -> Line:
    if alive(run):
        return Line(name, "running", note=str(owner(run)))
    if not (run / RECORD_NAME).exists():
        return Line(name, "interrupted", note="before its first record")
    return Line(name, "damaged", note=str(error).replace(f"{run}/", "")[:100])


def _left(record: RunRecord, total: float | None) -> float | None:
    """Return the seconds of training left, at the pace of the epochs so far."""
    done, seconds = record.progress.get("epoch", 0), record.progress.get("seconds")
    if not done or seconds is None or total is None:
        return None
    return seconds / done * (total - done)


def _took(record: RunRecord) -> float | None:
    """Return the seconds from start to end of a run that finished without an interruption."""
    if record.status != "finished" or record.resumed or not record.started or not record.ended:
        return None
    began, ended = map(datetime.fromisoformat, (record.started, record.ended))
    return (ended - began).total_seconds()


def _name(job: Job, shared: set[str]) -> str:
    """Return the overrides that distinguish a job from the others."""
    others = (override for override in job.overrides if override not in shared)
    return " ".join([f"loss={job.loss}", f"seed={job.seed}", *others])


main = Verb("status", "DIR ...", HELP, Options, run).main
