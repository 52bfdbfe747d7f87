"""One run from its parts to its folder: train, measure, record."""

import copy
import math
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_zoo.checkpoint import load_weights, weight_path
from gan_zoo.compatibility import incompatibilities
from gan_zoo.data.batches import BatchStream, to_device
from gan_zoo.data.fingerprint import dataset_fingerprint
from gan_zoo.environment import describe
from gan_zoo.evaluation.bank import NonFiniteSamples
from gan_zoo.evaluation.evaluator import Evaluator
from gan_zoo.evaluation.reference import Reference
from gan_zoo.execution import Execution, choose, prepare
from gan_zoo.features.extractor import FeatureNetwork
from gan_zoo.interfaces import AdversarialLoss, Dataset, Regularizer
from gan_zoo.journal import Journal
from gan_zoo.pictures import sample_grid
from gan_zoo.progress import Reporter
from gan_zoo.records import RunRecord, refuse_finished
from gan_zoo.seeding import global_stream, stream, stream_seed
from gan_zoo.settings import (
    AuxiliarySettings,
    ConfigurationError,
    EvaluationSettings,
    TrainerSettings,
)
from gan_zoo.trainer import Diverged, Objective, Sampler, Trainer

NOTE_EVERY = 25  # steps between two looks at the running losses
PREFIXES = {"generator": "", "generator_ema": "ema_"}  # of the metrics of each


@dataclass(frozen=True)
class Parts:
    """What a configuration builds: everything a run needs, nothing that knows of files."""

    dataset: Dataset
    generator: Callable[..., nn.Module]  # (image_shape=, num_classes=)
    discriminator: Callable[..., nn.Module]  # (image_shape=, num_classes=)
    loss: AdversarialLoss
    regularizer: Regularizer
    optimizers: tuple[
        Callable[[Iterable[Tensor]], Optimizer], Callable[[Iterable[Tensor]], Optimizer]
    ]
    latents: Sampler
    labels: Sampler
    extractor: FeatureNetwork | None
    trainer: TrainerSettings
    aux: AuxiliarySettings
    evaluation: EvaluationSettings
    seed: int
    device: torch.device


def build_trainer(parts: Parts) -> Trainer:
    """Networks, optimizers and streams, each from its own purpose of the seed."""
    data, settings, seed = to_device(parts.dataset, parts.device), parts.trainer, parts.seed
    shape = {"image_shape": tuple(data.sample_shape), "num_classes": data.num_classes}
    with global_stream(seed, "weights of G"):
        generator = parts.generator(**shape).to(parts.device)
    with global_stream(seed, "weights of D"):
        discriminator = parts.discriminator(**shape).to(parts.device)
    execution = execution_of(parts, generator, discriminator)
    penalised = parts.regularizer.penalises_gradients
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
        updates=settings.epochs * steps_per_epoch(parts),
        settings=settings,
        seed=seed,
        device=parts.device,
    )


def execution_of(parts: Parts, *networks: nn.Module) -> Execution:
    """How the networks are run: what the settings come to on this device."""
    return choose(parts.trainer, parts.device, sum(_count(network) for network in networks))


def steps_per_epoch(parts: Parts) -> int:
    """Discriminator updates in an epoch: a pass over the training images, or fewer if told so."""
    whole = len(parts.dataset.train.labels) // parts.trainer.batch_size
    return min(whole, parts.trainer.max_steps or whole)


def run(parts: Parts, folder: Path, record: RunRecord, *, bar: bool) -> RunRecord:
    """Train and measure one variant; the folder holds the outcome, whatever it is.

    Raises:
        AlreadyFinished: the folder holds a finished run.
        Exception: whatever went wrong, after it was recorded; ``Diverged`` is an outcome, recorded
            and not raised.
    """
    refuse_finished(folder)
    if parts.trainer.threads is not None:
        torch.set_num_threads(parts.trainer.threads)
    record.environment = {**describe(parts.device), "extractor": _extractor(parts)}
    record.dataset = dataset_fingerprint(parts.dataset)
    record.started = _now()
    journal = Journal(folder, record)
    journal.save()
    try:
        _train_and_measure(parts, journal, bar=bar)
        record.status = "finished"
    except Diverged as error:
        record.status = "diverged"
        record.error = _told(error, step=error.step, quantity=error.quantity)
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
        journal.save()
    return record


def _train_and_measure(parts: Parts, journal: Journal, *, bar: bool) -> None:
    settings, record = parts.trainer, journal.record
    data = to_device(parts.dataset, parts.device)
    try:
        trainer = build_trainer(parts)
        evaluator = _evaluator(parts, data, trainer.latent_dim, str(record.dataset["sha256"]))
    except ValueError as error:  # a width, a batch size that does not fit: nothing has begun yet
        raise ConfigurationError(str(error)) from error
    generator, discriminator = trainer.generator, trainer.discriminator
    generators = {"generator": generator}
    if trainer.ema is not None:
        generators["generator_ema"] = trainer.ema.module
    record.environment |= execution_of(parts, generator, discriminator).record()
    record.parameters = {
        "generator": _count(generator), "discriminator": _count(discriminator),
    }  # fmt: skip
    record.warnings = incompatibilities(parts.loss, parts.regularizer, discriminator)
    record.divergence_range = _ends(parts.loss.divergence_range)
    steps = steps_per_epoch(parts)
    reporter = Reporter(f"{record.loss} seed {record.seed}", settings.epochs, steps, bar=bar)
    for warning in record.warnings:
        reporter.warn(warning)
    # Layers that draw in their forward pass (dropout) use the global stream; nothing else does.
    torch.manual_seed(stream_seed(parts.seed, "dropout"))
    try:
        for epoch in range(1, settings.epochs + 1):
            began = time.perf_counter()
            means = _train_epoch(trainer, reporter, epoch)
            seconds = time.perf_counter() - began
            progress = {
                "generator_updates": trainer.generator_updates,
                "discriminator_updates": trainer.discriminator_updates,
                "images_seen": trainer.discriminator_updates * settings.batch_size,
            }
            losses = evaluator.losses(generator, discriminator, trainer.objective)
            row: dict[str, float] = {"epoch": epoch, **progress, **means, **losses}
            due = epoch % parts.evaluation.every == 0 or epoch == settings.epochs
            metrics = _validate(evaluator, generators, journal, epoch) if due else {}
            speed = journal.epoch({**row, **metrics}, seconds, steps * settings.batch_size)
            if epoch % parts.evaluation.pictures == 0 or epoch == settings.epochs:
                journal.samples(epoch, evaluator.grid(generator), data.test.images)
            networks = {**generators, "discriminator": discriminator}
            journal.weights(epoch, networks, settings.keep_checkpoints)
            journal.progress({"epoch": epoch, "epochs": settings.epochs, **progress})
            reporter.table(row, metrics, speed=speed, split=parts.evaluation.loss_split)
        _measure_finally(evaluator, generators, journal)
    except NonFiniteSamples as error:
        step = trainer.discriminator_updates
        raise Diverged(step, "generated samples", math.nan) from error
    journal.curve()
    journal.landscape(discriminator, evaluator.grid(generator), data.test.images)


def _evaluator(parts: Parts, data: Dataset, latent_dim: int, sha256: str) -> Evaluator:
    network = parts.extractor
    return Evaluator(
        data,
        parts.evaluation,
        latents=parts.latents,
        latent_dim=latent_dim,
        reference=None if network is None else Reference(data, network, sha256),
        device=parts.device,
    )


def _validate(
    evaluator: Evaluator, generators: Mapping[str, nn.Module], journal: Journal, epoch: int
) -> dict[str, float]:
    """The cheap numbers of every generator there is; the best so far is kept."""
    found: dict[str, float] = {}
    for name, generator in generators.items():
        metrics = evaluator.validation(generator)
        if evaluator.criterion is not None:
            journal.best(name, generator, epoch, evaluator.criterion, metrics[evaluator.criterion])
        found |= {f"{PREFIXES[name]}{metric}": value for metric, value in metrics.items()}
    return found


def _measure_finally(
    evaluator: Evaluator, generators: Mapping[str, nn.Module], journal: Journal
) -> None:
    """The final numbers of the last and of the best weights, and what is shown beside them."""
    record, last_epoch = journal.record, journal.history[-1]["epoch"]
    for name, generator in generators.items():
        last = evaluator.final(generator)
        journal.judgement(last, PREFIXES[name])
        if name == "generator":
            journal.classes(last)
        if name in record.best:
            if record.best[name]["epoch"] != last_epoch:
                generator = copy.deepcopy(generator)
                load_weights(weight_path(journal.folder, name, "best"), generator)
                last = evaluator.final(generator)
            journal.judgement(last, f"best_{PREFIXES[name]}")
    record.floors = evaluator.floors()
    for name, (images, columns) in evaluator.walks(generators["generator"]).items():
        journal.picture(name, sample_grid(images, columns))


def _train_epoch(trainer: Trainer, reporter: Reporter, epoch: int) -> dict[str, float]:
    """Train for one epoch; the means of what was logged."""
    pieces: list[tuple[int, dict[str, float]]] = []
    began, counted = time.perf_counter(), 0
    for step in reporter.epoch(epoch):
        trainer.step()
        if (step + 1) % NOTE_EVERY == 0 or step + 1 == reporter.steps:
            means = trainer.collect()
            pieces.append((step + 1 - counted, means))
            counted = step + 1
            speed = counted * trainer.settings.batch_size / (time.perf_counter() - began)
            losses = (means["discriminator_train_loss"], means["generator_train_loss"])
            reporter.note(f"{speed:.0f} images/s  D {losses[0]:.3f}  G {losses[1]:.3f}")
    return _weighted(pieces)


def _weighted(means: list[tuple[int, dict[str, float]]]) -> dict[str, float]:
    """Mean over an epoch of means over pieces of it; a piece without G's update has NaN for G."""
    total = {}
    for name in means[0][1]:
        known = [(count, piece[name]) for count, piece in means if not math.isnan(piece[name])]
        weight = sum(count for count, _ in known)
        total[name] = sum(count * value for count, value in known) / weight if known else math.nan
    return total


def _extractor(parts: Parts) -> dict[str, str] | None:
    network = parts.extractor
    return None if network is None else {"name": network.name, "sha256": network.sha256}


def _told(error: Exception, **more: object) -> dict[str, object]:
    return {"kind": type(error).__name__, "message": str(error), **more}


def _ends(ends: tuple[float, float] | None) -> list[float | None] | None:
    return None if ends is None else [end if math.isfinite(end) else None for end in ends]


def _count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
