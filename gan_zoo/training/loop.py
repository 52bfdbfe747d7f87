"""The epochs of a run, from wherever it stands: train, measure, write down, save the state."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from torch import nn

from gan_zoo.evaluation.evaluator import Evaluator
from gan_zoo.evaluation.fixed_latents import NonFiniteSamples
from gan_zoo.evaluation.measurement import reason
from gan_zoo.training.checkpoint import load_state, save_state
from gan_zoo.training.progress import Reporter
from gan_zoo.training.run_writer import RunWriter
from gan_zoo.training.signals import Stop
from gan_zoo.training.snapshot import fresh_streams, restore, snapshot
from gan_zoo.training.tracking import Tracking
from gan_zoo.training.trainer import Trainer
from gan_zoo.types import Dataset, DivergenceError

T = TypeVar("T")

NOTE_EVERY = 25  # steps between two looks at the running losses
ROLLBACKS = 3  # with trainer.on_divergence=rollback; the next divergence ends the run
PREFIXES = {"generator": "", "generator_ema": "ema_"}  # of the metrics of each


@dataclass
class Position:
    """Where a run stands: the epoch it is in, and what is known of that epoch so far."""

    epoch: int = 1
    step: int = 0  # updates of D done in this epoch
    seconds: float = 0.0  # of training in this epoch
    pieces: list[tuple[int, dict[str, float]]] = field(default_factory=list)  # updates, means


class Training:
    """What the epochs of a run need.

    Args:
        trainer, evaluator, journal, reporter, tracking: of this run.
        dataset: on the device.
        stop: whether a signal came.
        seed: of the run; random numbers after a rollback come from it.
    """

    def __init__(
        self,
        trainer: Trainer,
        evaluator: Evaluator,
        journal: RunWriter,
        reporter: Reporter,
        *,
        tracking: Tracking,
        dataset: Dataset,
        stop: Stop,
        seed: int,
    ):
        self.trainer, self.evaluator = trainer, evaluator
        self.journal, self.reporter, self.tracking = journal, reporter, tracking
        self.dataset, self.stop, self.seed = dataset, stop, seed
        self.settings, self.position = trainer.settings, Position()
        self.schedule = reporter.schedule
        self.generators: dict[str, nn.Module] = {"generator": trainer.generator}
        if trainer.ema is not None:
            self.generators["generator_ema"] = trainer.ema
        # whose numbers and pictures stand for the run: the averaged generator's where there is one
        self.headline = list(self.generators)[-1]

    def go_on(self) -> None:
        """Train up to the last epoch.

        Raises:
            DivergenceError: a number was not finite, and ``on_divergence`` or the limit of
                rollbacks ends the run.
            Interrupted: a signal came; the state was saved.
        """
        policy, record = self.settings.on_divergence, self.journal.record
        if policy == "rollback" and self.position == Position() and not record.rollbacks:
            self.save()  # a first epoch that diverges can start again, too
        while self.position.epoch <= self.schedule.epochs:
            try:
                with self.stop.deferred():
                    self._close(self._updates())
                self.stop.check()
            except DivergenceError as error:
                if policy != "rollback" or len(record.rollbacks) >= ROLLBACKS:
                    raise
                self._roll_back(error)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Stand where the run stood when ``save`` made this state.

        Raises:
            ValueError: it is of another kind of device.
        """
        restore(self.trainer, state["trainer"])
        self.position = Position(**state["position"])
        self.journal.load_state_dict(state["journal"])

    def last_good(self) -> dict[str, Any] | None:
        """The state after the last epoch that was saved, whose numbers are all finite."""
        found: dict[str, Any] | None = load_state(self.journal.folder, midway=False)
        return found

    def save(self, *, midway: bool = False) -> None:
        """Write the whole state."""
        state = {
            "trainer": snapshot(self.trainer),
            "position": asdict(self.position),
            "journal": self.journal.content(),
        }
        save_state(self.journal.folder, state, midway=midway)

    def _updates(self) -> dict[str, float]:
        """The rest of the epoch's updates; the means of what was logged in the whole epoch."""
        trainer, position = self.trainer, self.position
        steps = self.schedule.steps_of(position.epoch)
        began, before, first = time.perf_counter(), position.seconds, position.step
        for step in self.reporter.epoch(position.epoch, position.step):
            trainer.step()
            position.step = step + 1
            position.seconds = before + time.perf_counter() - began
            if position.step % NOTE_EVERY == 0 or position.step == steps:
                means = trainer.collect()
                known = sum(count for count, _ in position.pieces)
                position.pieces.append((position.step - known, means))
                images = (position.step - first) * self.settings.batch_size
                speed = images / (position.seconds - before)
                losses = (means["discriminator_train_loss"], means["generator_train_loss"])
                self.reporter.note(f"{speed:.0f} images/s  D {losses[0]:.3f}  G {losses[1]:.3f}")
            if self.stop.signal is not None:
                trainer.check_weights()  # a state that is not finite is not worth keeping
                self.save(midway=True)
                self.stop.check()
        return weighted(position.pieces)

    def _close(self, means: dict[str, float]) -> None:
        """What follows an epoch's updates: numbers, pictures, weights, record and state."""
        trainer, journal, settings = self.trainer, self.journal, self.settings
        evaluation, epoch = self.evaluator.settings, self.position.epoch
        last = epoch == self.schedule.epochs
        progress = {
            "generator_updates": trainer.generator_updates,
            "discriminator_updates": trainer.discriminator_updates,
            "images_seen": trainer.discriminator_updates * settings.batch_size,
        }
        try:
            losses = self.evaluator.losses(
                trainer.generator, trainer.discriminator, trainer.objective
            )
            samples = self.evaluator.grid(self.generators[self.headline])
            # last, as it keeps the best weights: of an epoch that is to count
            metrics = self._validate(epoch) if epoch % evaluation.every == 0 or last else {}
        except NonFiniteSamples as error:
            step = trainer.discriminator_updates
            raise DivergenceError(step, "generated samples", math.nan) from error
        row: dict[str, float] = {"epoch": epoch, **progress, **means, **losses}
        images = self.schedule.steps_of(epoch) * settings.batch_size
        speed = journal.epoch({**row, **metrics}, self.position.seconds, images)
        collapses = self.attempt("signs of collapse", lambda: self.evaluator.collapses(samples))
        for collapse in collapses or []:
            journal.collapse(epoch, collapse)
            self.reporter.warn(f"epoch {epoch}: {collapse}")
        if epoch % evaluation.pictures == 0 or last:
            journal.samples(epoch, samples, self.dataset.test.images)
        self._weights(epoch)
        self.position = Position(epoch + 1)
        journal.progress({"epoch": epoch, "epochs": self.schedule.epochs, **progress})
        self.tracking.epoch()
        if epoch % settings.checkpoint_every == 0 or last:
            self.save()
        self.reporter.table(row, metrics, speed=speed, split=evaluation.loss_split)

    def repair(self) -> None:
        """Write the last epoch's weights once more: the process may have died before."""
        if self.position.step == 0 and self.position.epoch > 1:
            self._weights(self.position.epoch - 1)

    def _weights(self, epoch: int) -> None:
        networks = {**self.generators, "discriminator": self.trainer.discriminator}
        self.journal.weights(epoch, networks, self.settings.keep_checkpoints)

    def _validate(self, epoch: int) -> dict[str, float]:
        """Return the cheap numbers of every generator; keep the best weights of the headline's."""
        found: dict[str, float] = {}
        for name, network in self.generators.items():
            measurement, prefix = self.evaluator.validation(network), PREFIXES[name]
            found |= {f"{prefix}{metric}": value for metric, value in measurement.values.items()}
            self.unavailable(measurement.unavailable, prefix)
        name, criterion = self.headline, self.evaluator.criterion
        value = found.get(f"{PREFIXES[name]}{criterion}")
        if criterion is not None and value is not None:
            self.journal.best(name, self.generators[name], epoch, criterion, value)
        return found

    def attempt(self, name: str, compute: Callable[[], T]) -> T | None:
        """Return what ``compute`` gives; None if it raises, with the reason recorded and printed.

        For what is measured or drawn of a trained network: it costs no run.

        Raises:
            NonFiniteSamples: from ``compute``; it is an outcome of the training.
        """
        try:
            return compute()
        except NonFiniteSamples:
            raise
        except Exception as error:
            self.unavailable({name: reason(error)})
            return None

    def unavailable(self, reasons: Mapping[str, str], prefix: str = "") -> None:
        """Record and print, once each, what is not available of a run, and why."""
        known = self.journal.record.unavailable
        for name, why in reasons.items():
            if f"{prefix}{name}" not in known:
                known[f"{prefix}{name}"] = why
                self.reporter.warn(f"{prefix}{name} is not available: {why}")

    def _roll_back(self, error: DivergenceError) -> None:
        """Back to the last good state, on with random numbers that no step has seen."""
        state, record = self.last_good(), self.journal.record
        if state is None:
            raise error
        self.load_state_dict(state)
        to = self.position.epoch - 1
        record.rollbacks.append({
            "step": error.step, "quantity": error.quantity, "to_epoch": to,
        })  # fmt: skip
        fresh_streams(self.trainer, self.seed, len(record.rollbacks))
        self.save()  # what comes next must not depend on whether the process lives
        self.journal.save()
        self.tracking.back()
        self.reporter.warn(f"{error}: back to epoch {to} with fresh random numbers")


def weighted(means: list[tuple[int, dict[str, float]]]) -> dict[str, float]:
    """Mean over an epoch of means over pieces of it; a piece without G's update has NaN for G."""
    total: dict[str, float] = {}
    for name in means[0][1]:
        known = [(count, piece[name]) for count, piece in means if not math.isnan(piece[name])]
        weight = sum(count for count, _ in known)
        total[name] = sum(count * value for count, value in known) / weight if known else math.nan
    return total
