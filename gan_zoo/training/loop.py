"""The epochs of a run: train, evaluate, write, save the state; then the final measurement."""

import copy
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from torch import nn

from gan_zoo.evaluation.evaluator import Evaluator
from gan_zoo.evaluation.fixed_latents import NonFiniteSamples
from gan_zoo.evaluation.measurement import reason
from gan_zoo.evaluation.reference_scores import ReferenceScores
from gan_zoo.report.quantities import spoken
from gan_zoo.training.checkpoint import load_state, save_state
from gan_zoo.training.pictures import sample_grid
from gan_zoo.training.progress import Reporter
from gan_zoo.training.run_writer import RunWriter
from gan_zoo.training.signals import Stop
from gan_zoo.training.steps import Steps
from gan_zoo.training.tracking import Tracking
from gan_zoo.training.trainer import Trainer
from gan_zoo.types import DivergenceError

T = TypeVar("T")

COLLECT_EVERY = 25  # steps between two checks of the losses
MAX_ROLLBACKS = 3  # with trainer.on_divergence=rollback; the next divergence ends the run
PREFIXES = {"generator": "", "generator_ema": "ema_"}  # of the metrics of each


@dataclass
class Position:
    """How far a run has come: its epoch, and what is known about that epoch."""

    epoch: int = 1
    step: int = 0  # updates of D done in this epoch
    seconds: float = 0.0  # of training in this epoch
    pieces: list[tuple[int, dict[str, float]]] = field(default_factory=list)  # updates, means


class TrainingLoop:
    """Train and measure one variant.

    Args:
        trainer, evaluator, writer, reporter, tracking: of the run.
        stop: whether a signal arrived.
    """

    def __init__(
        self,
        trainer: Trainer,
        evaluator: Evaluator,
        writer: RunWriter,
        reporter: Reporter,
        *,
        tracking: Tracking,
        stop: Stop,
    ):
        self.trainer, self.evaluator, self.writer = trainer, evaluator, writer
        self.reporter, self.tracking, self.stop = reporter, tracking, stop
        self.settings, self.schedule, self.position = (
            trainer.settings,
            reporter.schedule,
            Position(),
        )
        self.after_update: Callable[[], None] = lambda: None
        self.generators: dict[str, nn.Module] = {"generator": trainer.generator}
        if trainer.ema is not None:
            self.generators["generator_ema"] = trainer.ema
        # the generator whose numbers and pictures represent the run: the averaged one if there is
        self.headline = list(self.generators)[-1]

    def run(self) -> Steps[None]:
        """Train up to the last epoch, then measure; the caller makes the updates.

        Raises:
            DivergenceError: a number was not finite, and ``on_divergence`` or the limit of
                rollbacks ends the run; the last finite state has been measured.
            Interrupted: a signal arrived; the state was saved.
        """
        policy, record = self.settings.on_divergence, self.writer.record
        self.unavailable(self.evaluator.unavailable)
        if policy == "rollback" and self.position == Position() and not record.rollbacks:
            self.save()  # a first epoch that diverges can be repeated, too
        if self.evaluator.settings.motion and self.position == Position():
            self.writer.initial_weights(self._networks())
        while self.position.epoch <= self.schedule.epochs:
            try:
                with self.stop.deferred():
                    self._finish_epoch((yield from self._updates()))
                self.stop.check()
            except DivergenceError as error:
                state = load_state(self.writer.folder, midway=False)
                if policy == "rollback" and len(record.rollbacks) < MAX_ROLLBACKS and state:
                    self._roll_back(state, error)
                    continue
                if state is not None and state["position"]["epoch"] > 1:
                    self._measure_last_finite(state)
                raise
        try:
            self._measure()
        except NonFiniteSamples as error:
            raise self._diverged() from error

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resume needs."""
        return {
            "trainer": self.trainer.state_dict(),
            "position": asdict(self.position),
            "writer": self.writer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state written by ``save``.

        Raises:
            ConfigurationError: it is of another kind of device.
        """
        self.trainer.load_state_dict(state["trainer"])
        self.position = Position(**state["position"])
        self.writer.load_state_dict(state["writer"])
        if self.position.step == 0 and self.position.epoch > 1:
            self._write_weights(self.position.epoch - 1)  # the process may have died before that

    def save(self, *, midway: bool = False) -> None:
        """Write the state; ``midway``: within an epoch."""
        save_state(self.writer.folder, self.state_dict(), midway=midway)

    def _updates(self) -> Steps[dict[str, float]]:
        """Make the rest of the epoch's updates; return the means over the whole epoch."""
        trainer, position = self.trainer, self.position
        steps = self.schedule.steps_of(position.epoch)
        began, before, first = time.perf_counter(), position.seconds, position.step
        for step in self.reporter.epoch(position.epoch, position.step):
            asked = time.perf_counter()
            with self.reporter.log.of_all_runs():
                seconds = yield trainer
            self.after_update()
            if seconds is not None:  # the rest of the time belongs to other runs
                began += time.perf_counter() - asked - seconds
            position.step = step + 1
            position.seconds = before + time.perf_counter() - began
            if position.step % COLLECT_EVERY == 0 or position.step == steps:
                means = trainer.collect()  # waits for the device, whose work counts as training
                position.seconds = before + time.perf_counter() - began
                known = sum(count for count, _ in position.pieces)
                position.pieces.append((position.step - known, means))
                images = (position.step - first) * self.settings.batch_size
                speed = images / (position.seconds - before)
                losses = (means["discriminator_train_loss"], means["generator_train_loss"])
                self.reporter.note(f"{speed:.0f} images/s  D {losses[0]:.3f}  G {losses[1]:.3f}")
            if self.stop.signal is not None:
                trainer.check_weights()  # never save a state that is not finite; waits, too
                position.seconds = before + time.perf_counter() - began
                self.save(midway=True)
                self.stop.check()
        return weighted(position.pieces)

    def _finish_epoch(self, means: dict[str, float]) -> None:
        """Finish an epoch: evaluate, plot, write weights, record and state."""
        trainer, writer, settings = self.trainer, self.writer, self.settings
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
            # last, since it keeps the best weights: only of an epoch that counts
            metrics = self._validate(epoch) if epoch % evaluation.every == 0 or last else {}
        except NonFiniteSamples as error:
            raise self._diverged() from error
        row: dict[str, float] = {"epoch": epoch, **progress, **means, **losses}
        images = self.schedule.steps_of(epoch) * settings.batch_size
        speed = writer.epoch({**row, **metrics}, self.position.seconds, images)
        collapses = self._attempt("signs of collapse", lambda: self.evaluator.collapses(samples))
        for collapse in collapses or []:
            writer.collapse(epoch, collapse)
            self.reporter.warn(f"epoch {epoch}: {collapse}")
        if epoch % evaluation.pictures == 0 or last:
            writer.samples(epoch, samples, self.evaluator.dataset.test.images)
        self._write_weights(epoch)
        self.position = Position(epoch + 1)
        writer.progress({"epoch": epoch, "epochs": self.schedule.epochs, **progress})
        self.tracking.epoch()
        if epoch % settings.checkpoint_every == 0 or last:
            self.save()
        self.reporter.table(row, metrics, speed=speed, split=evaluation.loss_split)

    def _write_weights(self, epoch: int) -> None:
        self.writer.weights(epoch, self._networks(), self.settings.keep_checkpoints)

    def _networks(self) -> dict[str, nn.Module]:
        return {**self.generators, "discriminator": self.trainer.discriminator}

    def _validate(self, epoch: int) -> dict[str, float]:
        """Return every generator's validation metrics; keep the best weights of the headline's."""
        found: dict[str, float] = {}
        for name, network in self.generators.items():
            measurement, prefix = self.evaluator.validation(network), PREFIXES[name]
            found |= {f"{prefix}{metric}": value for metric, value in measurement.values.items()}
            self.unavailable(measurement.unavailable, prefix)
        name, criterion = self.headline, self.evaluator.criterion
        value = found.get(f"{PREFIXES[name]}{criterion}")
        if criterion is not None and value is not None:
            self.writer.best(name, self.generators[name], epoch, criterion, value)
        return found

    def _attempt(self, name: str, compute: Callable[[], T]) -> T | None:
        """Return the result of ``compute``, or None if it raises; record and print the reason.

        A measurement or picture of a trained network that fails does not end the run.

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
        """Record and print, once each, why a metric or picture is missing."""
        for name, why in reasons.items():
            if self.writer.unavailable(f"{prefix}{name}", why):
                self.reporter.warn(f"not available: {spoken(f'{prefix}{name}')}: {why}")

    def _diverged(self) -> DivergenceError:
        step = self.trainer.discriminator_updates
        return DivergenceError(step, "generated samples", math.nan)

    def _roll_back(self, state: Mapping[str, Any], error: DivergenceError) -> None:
        """Return to the last finite state and continue with random numbers no step has seen."""
        self.load_state_dict(state)
        to = self.position.epoch - 1
        self.trainer.reseed(self.writer.rollback(error, to))
        self.save()  # the rest must not depend on whether the process survives
        self.writer.write()
        self.tracking.restart()
        self.reporter.warn(f"{error}: back to epoch {to} with new random numbers")

    def _measure_last_finite(self, state: Mapping[str, Any]) -> None:
        """Measure a diverged run at its last finite state."""
        self.load_state_dict(state)
        self.tracking.restart()
        with suppress(NonFiniteSamples):  # finite weights can generate such samples: no metrics
            self._measure(measured_epoch=self.position.epoch - 1)

    def _measure(self, measured_epoch: int | None = None) -> None:
        """Measure every generator and the best weights; write metrics, tables and pictures.

        Raises:
            NonFiniteSamples: a generated sample is not finite.
        """
        evaluator, writer, name = self.evaluator, self.writer, self.headline
        generator = self.generators[name]
        measured = {PREFIXES[each]: evaluator.final(net) for each, net in self.generators.items()}
        writer.classes(measured)
        best = writer.record.best.get(name)
        if best is not None:
            measurement = measured[PREFIXES[name]]
            if best["epoch"] != writer.history[-1]["epoch"]:
                kept = copy.deepcopy(generator)
                kept.load_state_dict(writer.best_weights[name])
                measurement = evaluator.final(kept)
            measured[f"best_{PREFIXES[name]}"] = measurement
        for prefix, measurement in measured.items():
            self.unavailable(measurement.unavailable, prefix)
        scores = self._attempt("reference scores", evaluator.reference_scores) or ReferenceScores()
        self.unavailable(scores.unavailable)
        pictures = evaluator.interpolations(generator)
        neighbours = self._attempt("nearest_neighbours", lambda: evaluator.neighbours(generator))
        if neighbours is not None:
            pictures["nearest_neighbours"] = neighbours
        for title, (images, columns) in pictures.items():
            writer.picture(title, sample_grid(images, columns))
        writer.curve()
        samples, real = evaluator.grid(generator), evaluator.dataset.test.images
        writer.landscape(self.trainer.discriminator, samples, real)
        if evaluator.settings.motion:
            self._attempt("motion", lambda: writer.motion(self.trainer, real))
        writer.result(measured, scores.values, measured_epoch)


def weighted(means: list[tuple[int, dict[str, float]]]) -> dict[str, float]:
    """Return the mean of means over pieces of an epoch, NaN in a piece without an update left out.

    Args:
        means: number of updates in each piece, and its means.
    """
    total: dict[str, float] = {}
    for name in means[0][1]:
        known = [(count, piece[name]) for count, piece in means if not math.isnan(piece[name])]
        weight = sum(count for count, _ in known)
        total[name] = sum(count * value for count, value in known) / weight if known else math.nan
    return total
