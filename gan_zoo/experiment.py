"""One run from its parts to its folder: train, measure, record."""

import math
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_zoo.checkpoint import save_weights, weight_path
from gan_zoo.data.batches import BatchStream, to_device
from gan_zoo.data.fingerprint import dataset_fingerprint
from gan_zoo.environment import describe
from gan_zoo.evaluation import GRID_COLUMNS, Evaluator
from gan_zoo.features.extractor import FeatureNetwork
from gan_zoo.interfaces import AdversarialLoss, Dataset, Regularizer
from gan_zoo.pictures import loss_curve, sample_grid, sample_scatter
from gan_zoo.progress import Reporter
from gan_zoo.records import (
    HISTORY_NAME,
    TIMING_NAME,
    RunRecord,
    refuse_finished,
    write_bytes,
    write_record,
    write_rows,
)
from gan_zoo.seeding import global_stream, stream, stream_seed
from gan_zoo.settings import AuxiliarySettings, EvaluationSettings, TrainerSettings
from gan_zoo.trainer import Diverged, Objective, Sampler, Trainer

NOTE_EVERY = 25  # steps between two looks at the running losses


@dataclass(frozen=True)
class Parts:
    """What a configuration builds: everything a run needs, nothing that knows of files."""

    dataset: Dataset
    generator: Callable[..., nn.Module]  # (image_shape=, num_classes=)
    discriminator: Callable[..., nn.Module]  # (image_shape=, num_classes=)
    loss: AdversarialLoss
    regularizer: Regularizer
    optimizers: tuple[Callable[[Iterable[Tensor]], Optimizer], Callable[[Iterable[Tensor]], Optimizer]]
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
        settings=settings,
        seed=seed,
        device=parts.device,
    )


@dataclass
class Run:
    """A run under way: its folder, its record, and what it has measured so far."""

    folder: Path
    record: RunRecord
    history: list[dict[str, float]] = field(default_factory=list)
    timing: list[dict[str, float]] = field(default_factory=list)


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
    record.environment = describe(parts.device)
    record.dataset = dataset_fingerprint(parts.dataset)
    record.started = _now()
    current = Run(folder, record)
    write_record(folder, record)
    try:
        _train_and_measure(parts, current, bar=bar)
        record.status = "finished"
    except Diverged as error:
        record.status = "diverged"
        record.error = {
            "kind": "Diverged", "message": str(error), "step": error.step, "quantity": error.quantity,
        }  # fmt: skip
    except KeyboardInterrupt:
        record.status = "interrupted"
        raise
    except Exception as error:
        record.status = "failed"
        record.error = {
            "kind": type(error).__name__, "message": str(error), "traceback": traceback.format_exc(),
        }  # fmt: skip
        raise
    finally:
        if record.status == "running":  # SystemExit and the like
            record.status = "interrupted"
        record.ended = _now()
        write_record(folder, record)
    return record


def _train_and_measure(parts: Parts, current: Run, *, bar: bool) -> None:
    trainer, record = build_trainer(parts), current.record
    data = to_device(parts.dataset, parts.device)
    generator, discriminator = trainer.generator, trainer.discriminator
    record.parameters = {
        "generator": _count(generator), "discriminator": _count(discriminator),
    }  # fmt: skip
    evaluator = Evaluator(
        data,
        parts.evaluation,
        latents=parts.latents,
        latent_dim=int(generator.latent_dim),
        extractor=parts.extractor,
        device=parts.device,
    )
    steps = trainer.discriminator_batches.batches_per_epoch
    steps = min(steps, parts.trainer.max_steps or steps)
    title = f"{record.loss} seed {record.seed}"
    reporter = Reporter(title, parts.trainer.epochs, steps, bar=bar)
    # Layers that draw in their forward pass (dropout) use the global stream; nothing else does.
    torch.manual_seed(stream_seed(parts.seed, "dropout"))
    for epoch in range(1, parts.trainer.epochs + 1):
        seconds, means = _train_epoch(trainer, reporter, epoch)
        _after_epoch(parts, current, trainer, evaluator, reporter, epoch, seconds, means)
    record.metrics = _finite(evaluator.final(generator))
    write_bytes(current.folder / "loss_curve.png", loss_curve(current.history))
    record.artifacts["loss_curve"] = "loss_curve.png"


def _train_epoch(
    trainer: Trainer, reporter: Reporter, epoch: int
) -> tuple[float, dict[str, float]]:
    """Train for one epoch; its seconds and the means of what was logged."""
    parts_of_epoch: list[tuple[int, dict[str, float]]] = []
    batch, began, pending = trainer.settings.batch_size, time.perf_counter(), 0
    for step in reporter.epoch(epoch):
        trainer.step()
        pending += 1
        if (step + 1) % NOTE_EVERY == 0 or step + 1 == reporter.steps:
            means = trainer.collect()
            parts_of_epoch.append((pending, means))
            pending = 0
            speed = (step + 1) * batch / (time.perf_counter() - began)
            losses = (means["discriminator_train_loss"], means["generator_train_loss"])
            reporter.note(f"{speed:.0f} images/s  D {losses[0]:.3f}  G {losses[1]:.3f}")
    return time.perf_counter() - began, _weighted(parts_of_epoch)


def _after_epoch(
    parts: Parts,
    current: Run,
    trainer: Trainer,
    evaluator: Evaluator,
    reporter: Reporter,
    epoch: int,
    seconds: float,
    means: dict[str, float],
) -> None:
    """Measure, then write everything that the run has so far; the record last."""
    folder, record, settings = current.folder, current.record, parts.trainer
    generator, discriminator = trainer.generator, trainer.discriminator
    images_seen = trainer.discriminator_updates * settings.batch_size
    row: dict[str, float] = {
        "epoch": epoch,
        "generator_updates": trainer.generator_updates,
        "discriminator_updates": trainer.discriminator_updates,
        "images_seen": images_seen,
        **means,
        **evaluator.losses(generator, discriminator, trainer.objective),
    }
    due = epoch % parts.evaluation.every == 0 or epoch == settings.epochs
    metrics = evaluator.validation(generator) if due else {}
    current.history.append({**row, **metrics})
    total = seconds + (current.timing[-1]["seconds"] if current.timing else 0.0)
    speed = reporter.steps * settings.batch_size / seconds
    current.timing.append({"epoch": epoch, "seconds": total, "images_per_second": speed})
    columns = {key for entry in current.history for key in entry}
    ordered = [*row, *sorted(columns - row.keys())]
    filled = [{key: entry.get(key, "") for key in ordered} for entry in current.history]
    write_rows(folder / HISTORY_NAME, filled)
    write_rows(folder / TIMING_NAME, current.timing)
    grid = f"samples/plot_epoch_{epoch:03d}_generated.png"
    write_bytes(folder / grid, _picture(parts, evaluator.grid(generator)))
    save_weights(folder, generator, discriminator, epoch, settings.keep_checkpoints)
    record.artifacts["grid"] = grid
    for network in ("generator", "discriminator"):
        path = weight_path(folder, network, epoch)
        record.artifacts[network] = path.relative_to(folder).as_posix()
    record.progress = {
        "epoch": epoch,
        "epochs": settings.epochs,
        "generator_updates": trainer.generator_updates,
        "discriminator_updates": trainer.discriminator_updates,
        "images_seen": images_seen,
        "seconds": total,
    }
    write_record(folder, record)
    reporter.table(row, metrics, speed=speed, split=parts.evaluation.loss_split)


def _picture(parts: Parts, samples: Tensor) -> bytes:
    if samples.ndim == 2:
        return sample_scatter(samples, parts.dataset.test.images[: len(samples)])
    return sample_grid(samples, GRID_COLUMNS)


def _weighted(means: list[tuple[int, dict[str, float]]]) -> dict[str, float]:
    """Mean over an epoch of means over pieces of it; a piece without G's update has NaN for G."""
    total = {}
    for name in means[0][1]:
        known = [(count, piece[name]) for count, piece in means if not math.isnan(piece[name])]
        weight = sum(count for count, _ in known)
        total[name] = sum(count * value for count, value in known) / weight if known else math.nan
    return total


def _finite(metrics: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


def _count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
