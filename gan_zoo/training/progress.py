"""Progress of a run on standard error: a bar on a terminal, a line per epoch elsewhere."""

import sys
import time
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from gan_zoo.config.schema import Schedule
from gan_zoo.evaluation.metrics.registry import CHECKPOINTS
from gan_zoo.report.formatting import duration
from gan_zoo.report.quantities import headline_checkpoint, ordered
from gan_zoo.training.run_log import RunLog, copied, screen

_KINDS = ("loss", "generation", "auxiliary")
_ROWS = tuple((who, part) for who in ("generator", "discriminator") for part in ("train", "test"))


class Reporter:
    """Show a run's progress.

    Args:
        title: precedes each line, such as the loss and the seed.
        schedule: planned epochs and updates.
        log: of the run; a line per epoch is written to it, with a bar too.
        bar: whether to show a progress bar and the loss table instead of a line per epoch.
    """

    def __init__(self, title: str, schedule: Schedule, log: RunLog, *, bar: bool):
        self.title, self.schedule, self.log, self.bar = title, schedule, log, bar
        self.console = Console(file=screen(), soft_wrap=not bar)
        self._began: float | None = None  # when this process made the run's first update
        self._made = 0  # updates of D since then, also those that a rollback took back
        self._known: tuple[int, Mapping[str, float]] = (0, {})  # newest epoch with metrics

    def epoch(self, epoch: int, first: int = 0) -> Iterator[int]:
        """Yield the step numbers of an epoch from ``first`` on, and advance the bar."""
        steps = self.schedule.steps_of(epoch)
        self._began = time.perf_counter() if self._began is None else self._began
        self._made += steps - first
        if not self.bar:
            yield from range(first, steps)
            return
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"), TimeRemainingColumn(),
            console=self.console, transient=True,
        ) as progress, copied():  # fmt: skip
            self._progress = progress
            name = f"{self.title} epoch {epoch}/{self.schedule.epochs}"
            self._task: TaskID = progress.add_task(name, total=steps, completed=first, speed="")
            for step in range(first, steps):
                yield step
                progress.advance(self._task)

    def warn(self, text: str) -> None:
        """Print a warning."""
        print(f"gan_zoo: warning: {self.title}: {text}", file=sys.stderr, flush=True)

    def note(self, text: str) -> None:
        """Show a short text beside the bar, such as throughput and losses."""
        if self.bar:
            self._progress.update(self._task, speed=text)

    def table(
        self, row: Mapping[str, float], metrics: Mapping[str, float], *, speed: float, split: str
    ) -> None:
        """Print the epoch's losses: the table of the Keras example, or one line without a bar."""
        epoch = int(row["epoch"])
        self._known = (epoch, metrics) if metrics else self._known
        left = self._left(epoch)
        speeds = "  ".join([*([f"{duration(left)} left"] if left else []), f"{speed:.0f} images/s"])
        head = f"{self.title} epoch {epoch}/{self.schedule.epochs}"
        pairs = ((network, f"{network}_train_loss") for network in ("generator", "discriminator"))
        losses = "  ".join(f"{name[0].upper()} {row[column]:.3f}" for name, column in pairs)
        measured, known = self._known
        when = "" if measured in (0, epoch) else f" (epoch {measured})"
        line = f"{head}  {speeds}  {losses}{_headline(known)}{when}"
        if not self.bar:
            print(line, file=sys.stderr, flush=True)
            return
        self.log.write(f"{line}\n")
        table = Table(title=f"{head}  {speeds}", title_justify="left")
        for column in ("component", "loss", "generation", "auxiliary"):
            table.add_column(column, justify="left" if column == "component" else "right")
        for network, part in _ROWS:
            cells = [f"{row[f'{network}_{part}_{kind}']:.4f}" for kind in _KINDS]
            table.add_row(f"{network} ({part})", *cells)
        table.caption = f"test = {split} split;{_headline(known)}{when}".rstrip(";")
        self.console.print(table)

    def _left(self, epoch: int) -> float | None:
        """Return the seconds until the last update at the pace so far, measurements included."""
        if self._began is None or not self._made or epoch == self.schedule.epochs:
            return None
        left = self.schedule.updates - epoch * self.schedule.steps
        return (time.perf_counter() - self._began) / self._made * left


def _headline(metrics: Mapping[str, float]) -> str:
    """Return the validation metrics that represent the run, for the end of a line.

    >>> _headline({"fid_validation": 40.0, "ema_fid_validation": 23.456})
    '  averaged weights (EMA): FID 23.46'
    """
    checkpoint = headline_checkpoint([metrics])
    shown = [metric for metric in ordered(set(metrics)) if metric.checkpoint == checkpoint]
    values = "  ".join(f"{metric.short_title} {metrics[metric.name]:.4g}" for metric in shown)
    return f"  {CHECKPOINTS[checkpoint]}: {values}" if checkpoint else f"  {values}".rstrip()
