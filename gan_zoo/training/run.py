"""One run from its parts to its folder: train, measure, record."""

import copy
import math
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gan_zoo.config.build import RunComponents
from gan_zoo.config.compatibility import incompatibilities, refuse_batch_norm, too_short
from gan_zoo.config.schema import (
    Schedule,
    schedule,
)
from gan_zoo.data.batches import BatchStream, to_device
from gan_zoo.data.dataset import dataset_fingerprint
from gan_zoo.data.random_streams import global_stream, stream, stream_seed
from gan_zoo.evaluation.evaluator import Evaluator
from gan_zoo.evaluation.fixed_latents import NonFiniteSamples
from gan_zoo.evaluation.measurement import Measurement
from gan_zoo.evaluation.reference_scores import ReferenceScores
from gan_zoo.evaluation.toy_points import reference_of
from gan_zoo.runs.record import RunRecord, refuse_finished
from gan_zoo.training.checkpoint import discard_states
from gan_zoo.training.environment import describe
from gan_zoo.training.loop import PREFIXES, Training
from gan_zoo.training.memory import shortage_explained
from gan_zoo.training.pictures import sample_grid
from gan_zoo.training.precision import choose, prepare
from gan_zoo.training.progress import Reporter, warn_of
from gan_zoo.training.run_writer import RunWriter
from gan_zoo.training.signals import Stop, stopping
from gan_zoo.training.tracking import Tracking
from gan_zoo.training.trainer import Objective, Trainer
from gan_zoo.types import (
    ConfigurationError,
    Dataset,
    DivergenceError,
)


def build_trainer(parts: RunComponents) -> Trainer:
    """Networks, optimizers and streams, each from its own purpose of the seed."""
    data, settings, seed = to_device(parts.dataset, parts.device), parts.trainer, parts.seed
    shape = {"image_shape": tuple(data.sample_shape), "num_classes": data.num_classes}
    with global_stream(seed, "weights of G"):
        generator = parts.generator(**shape).to(parts.device)
    with global_stream(seed, "weights of D"):
        discriminator = parts.discriminator(**shape).to(parts.device)
    refuse_batch_norm(parts.regularizer, discriminator)
    penalised = parts.regularizer.penalises_gradients
    execution = choose(
        settings, parts.device, generator, discriminator, twice_differentiated=penalised
    )
    prepare(generator, execution, twice_differentiated=False)
    prepare(discriminator, execution, twice_differentiated=penalised)
    make_d, make_g = parts.optimizers

    def batches(size: int, purpose: str) -> BatchStream:
        return BatchStream(data.train, size, stream(seed, purpose, parts.device))

    return Trainer(
        generator=generator,
        discriminator=discriminator,
        objective=Objective(parts.loss, parts.regularizer, parts.aux),
        optimizers=(make_d(discriminator.parameters()), make_g(generator.parameters())),
        latents=parts.latents,
        labels=parts.labels,
        batches=(
            batches(settings.batch_size, "data order of D's steps"),
            batches(settings.generator_batch_size, "data order of G's steps"),
        ),
        num_classes=data.num_classes,
        updates=schedule_of(parts).updates,
        settings=settings,
        seed=seed,
        device=parts.device,
        execution=execution,
    )


def schedule_of(parts: RunComponents) -> Schedule:
    """Return the updates of the whole run, epoch by epoch."""
    return schedule(parts.trainer, len(parts.dataset.train.labels))


def run(
    parts: RunComponents,
    folder: Path,
    record: RunRecord,
    *,
    bar: bool,
    state: Mapping[str, Any] | None = None,
) -> RunRecord:
    """Train and measure one variant; the folder holds the outcome, whatever it is.

    Args:
        parts: what the configuration builds.
        folder: of the run.
        record: of the run, new.
        bar: whether to show a moving bar.
        state: to resume from, of ``gan_zoo.training.checkpoint.load_state``; None: start afresh.

    Raises:
        AlreadyFinished: the folder holds a finished run.
        Exception: whatever went wrong, after it was recorded; a ``DivergenceError`` is recorded as
            the outcome and not raised, unless ``on_divergence`` says so.
    """
    if state is None:
        refuse_finished(folder)
        discard_states(folder)
    with _threads(parts.trainer.threads):
        return _recorded(parts, folder, record, state, bar=bar)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Set torch's number of CPU threads, None: leave it, and restore the caller's at the end."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _recorded(
    parts: RunComponents,
    folder: Path,
    record: RunRecord,
    state: Mapping[str, Any] | None,
    *,
    bar: bool,
) -> RunRecord:
    """Do the run's work and write its record, whatever the outcome."""
    record.environment = {**describe(parts.device), "extractor": _extractor(parts)}
    record.dataset = dataset_fingerprint(parts.dataset)
    record.started = _now()
    journal = RunWriter(folder, record)
    if state is not None:
        record.resumed = [*state["journal"]["record"]["resumed"], _resumption(record, state)]
        journal.load_state_dict(state["journal"])
    journal.save()
    tracking = Tracking(parts.tracker, journal, warn=partial(warn_of, _title(record)))
    try:
        with stopping() as stop, shortage_explained():
            _train_and_measure(parts, journal, tracking, stop, state, bar=bar)
        record.status = "finished"
    except DivergenceError as error:
        record.status = "diverged"
        record.error = _told(error, step=error.step, quantity=error.quantity)
        if parts.trainer.on_divergence == "raise":
            raise
    except KeyboardInterrupt:
        record.status = "interrupted"
        raise
    except Exception as error:
        record.status = "failed"
        record.error = _told(error, traceback=traceback.format_exc())
        raise
    finally:
        if record.status == "running":  # SystemExit and the like
            record.status = "interrupted"
        record.ended = _now()
        _save_last(journal)
        tracking.end()
    if record.status == "finished":
        discard_states(folder, keep_newest=True)
    return record


def _save_last(journal: RunWriter) -> None:
    """The record's last word; if even that cannot be written, what went wrong before is told."""
    try:
        journal.save()
    except OSError as error:
        if journal.record.status == "finished":
            raise
        print(f"gan_zoo: the record does not say how the run ended: {error}", file=sys.stderr)


def _train_and_measure(
    parts: RunComponents,
    journal: RunWriter,
    tracking: Tracking,
    stop: Stop,
    state: Mapping[str, Any] | None,
    *,
    bar: bool,
) -> None:
    record = journal.record
    data = to_device(parts.dataset, parts.device)
    if state is not None and parts.trainer.precision == "auto":  # what it was until now
        precision = state["journal"]["record"]["environment"]["precision"]
        parts = replace(parts, trainer=replace(parts.trainer, precision=precision))
    try:
        trainer = build_trainer(parts)
        evaluator = _evaluator(parts, data, trainer.latent_dim, str(record.dataset["sha256"]))
    except ValueError as error:  # a width, a batch size that does not fit: nothing has begun yet
        raise ConfigurationError(str(error)) from error
    record.environment |= trainer.execution.record()
    record.parameters = {
        "generator": _count(trainer.generator), "discriminator": _count(trainer.discriminator),
    }  # fmt: skip
    record.warnings = [
        *incompatibilities(parts.loss, parts.regularizer, trainer.discriminator),
        *too_short(parts.trainer, trainer.planned_updates),
    ]
    record.divergence_range = _ends(parts.loss.divergence_range)
    planned = schedule_of(parts)
    reporter = Reporter(_title(record), planned, bar=bar)
    for warning in record.warnings:
        reporter.warn(warning)
    tracking.begin()
    # Layers that draw in their forward pass (dropout) use the global stream; nothing else does.
    torch.manual_seed(stream_seed(parts.seed, "dropout"))
    training = Training(
        trainer, evaluator, journal, reporter,
        tracking=tracking, dataset=data, stop=stop, seed=parts.seed,
    )  # fmt: skip
    if state is not None:
        try:
            training.load_state_dict(state)
        except ValueError as error:  # another kind of device
            raise ConfigurationError(str(error)) from error
        training.repair()
    training.unavailable(evaluator.unavailable)
    try:
        training.go_on()
    except DivergenceError:
        _measure_last_good(training, data)
        raise
    try:
        _measure_finally(training, data)
    except NonFiniteSamples as error:
        step = trainer.discriminator_updates
        raise DivergenceError(step, "generated samples", math.nan) from error


def _evaluator(parts: RunComponents, data: Dataset, latent_dim: int, sha256: str) -> Evaluator:
    return Evaluator(
        data,
        parts.evaluation,
        latents=parts.latents,
        latent_dim=latent_dim,
        reference=reference_of(data, parts.extractor, sha256),
        device=parts.device,
    )


def _measure_last_good(training: Training, data: Dataset) -> None:
    """What a diverged run was worth at its last finite state, if it came as far as an epoch."""
    state, record = training.last_good(), training.journal.record
    if state is None or state["position"]["epoch"] == 1:
        return
    rollbacks = record.rollbacks
    training.load_state_dict(state)
    training.tracking.back()
    record.rollbacks = rollbacks
    try:
        _measure_finally(training, data)
    except NonFiniteSamples:  # finite weights can make numbers that are not: then it has none
        record.metrics, record.intervals = {}, {}
        return
    record.measured_epoch = state["position"]["epoch"] - 1


def _measure_finally(training: Training, data: Dataset) -> None:
    """The final numbers of every generator and of the headline's best weights, and pictures."""
    evaluator, journal, generators = training.evaluator, training.journal, training.generators
    record, name = journal.record, training.headline

    def add(measurement: Measurement, prefix: str) -> None:
        journal.measurement(measurement, prefix)
        training.unavailable(measurement.unavailable, prefix)

    last = {each: evaluator.final(network) for each, network in generators.items()}
    for each, measurement in last.items():
        add(measurement, PREFIXES[each])
    journal.classes({PREFIXES[each]: measurement for each, measurement in last.items()})
    generator = generators[name]
    if name in record.best:
        best = last[name]
        if record.best[name]["epoch"] != journal.history[-1]["epoch"]:
            kept = copy.deepcopy(generator)
            kept.load_state_dict(journal.best_weights[name])
            best = evaluator.final(kept)
        add(best, f"best_{PREFIXES[name]}")
    scores = training.attempt("reference scores", evaluator.reference_scores) or ReferenceScores()
    record.reference_scores = dict(scores.values)
    training.unavailable(scores.unavailable)
    pictures = evaluator.interpolations(generator)
    neighbours = training.attempt("nearest_neighbours", lambda: evaluator.neighbours(generator))
    if neighbours is not None:
        pictures["nearest_neighbours"] = neighbours
    for name, (images, columns) in pictures.items():
        journal.picture(name, sample_grid(images, columns))
    journal.curve()
    discriminator = training.trainer.discriminator
    journal.landscape(discriminator, evaluator.grid(generator), data.test.images)


def _extractor(parts: RunComponents) -> dict[str, str] | None:
    network = parts.extractor
    return None if network is None else {"name": network.name, "sha256": network.sha256}


def _resumption(record: RunRecord, state: Mapping[str, Any]) -> dict[str, object]:
    """When and from where the run goes on, and on what; the same machine gives the same bits."""
    position, environment = state["position"], record.environment
    before = state["journal"]["record"]["environment"]
    changed = {
        name: [before.get(name), environment[name]]
        for name in ("commit", "torch", "cpu", "threads", "device_name")
        if before.get(name) != environment[name]
    }
    if changed:
        print(
            "gan_zoo: warning: going on under other circumstances, so not bit for bit: "
            + ", ".join(f"{name} was {old}, is {new}" for name, (old, new) in changed.items()),
            file=sys.stderr,
        )
    where = {"epoch": position["epoch"], "step": position["step"]}
    return {"time": record.started, **where, "changed": changed}


def _title(record: RunRecord) -> str:
    """What stands before each line that is told of the run."""
    return f"{record.loss} seed {record.seed}"


def _told(error: Exception, **more: object) -> dict[str, object]:
    return {"kind": type(error).__name__, "message": str(error), **more}


def _ends(ends: tuple[float, float] | None) -> list[float | None] | None:
    return None if ends is None else [end if math.isfinite(end) else None for end in ends]


def _count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
