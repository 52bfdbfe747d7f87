"""Plain numbers that steer a run, with their ranges; no torch, so a bad one is told at once."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_THREADS = 1024
MAX_SAMPLES = 1_000_000  # of a measurement; FID's bias is gone long before
MAX_SEED = 2**63 - 1  # what a report reads


def _require(owner: str, name: str, value: Any, holds: Callable[[Any], bool], allowed: str) -> None:
    if not holds(value):
        raise ValueError(f"{owner}.{name} is {value!r}; allowed: {allowed}")


def _at_least(minimum: int | float) -> Callable[[Any], bool]:
    return lambda value: minimum <= value < math.inf


def _positive(value: float) -> bool:
    return 0 < value < math.inf


def _within(minimum: int, maximum: int) -> Callable[[Any], bool]:
    return lambda value: minimum <= value <= maximum


@dataclass
class TrainerSettings:
    """How long and in which rhythm the two networks are trained."""

    generator_updates: int | None = 3000  # length of the training; unused where epochs is given
    epochs: int | None = None  # length in passes over the training images; null: generator_updates
    batch_size: int = 64  # real images of one discriminator update, and as many fakes
    generator_batch_size: int = 64  # latents of one generator update
    n_critic: int = 1  # discriminator updates for each generator update
    simultaneous: bool = False  # both gradients at the old point (f-GAN's Algorithm 1)
    lr_decay: float = 0.5  # last share of the updates in which learning rates fall linearly to 0
    gradient_clip: float | None = None  # largest gradient norm of each network; null: none
    ema_decay: float | None = 0.999  # of a moving average of G's weights, per update; null: none
    max_steps: int | None = None  # stop an epoch early, for trying out; null: whole epochs
    keep_checkpoints: int | None = None  # epochs whose weights are kept, the newest; null: all
    threads: int | None = None  # CPU threads; null: torch's choice
    checkpoint_every: int = 1  # epochs between states that an interrupted run goes on from
    on_divergence: str = "stop"  # stop, rollback (to the last such state) or raise (an error)
    precision: str = "auto"  # of the networks' products: fp32, bf16, or what the device does best
    memory_format: str = "auto"  # of images: channels_last, contiguous (torch's), or the quicker

    def __post_init__(self) -> None:
        for name in ("batch_size", "generator_batch_size", "n_critic", "checkpoint_every"):
            _require("trainer", name, getattr(self, name), _at_least(1), "1 or more")
        if self.epochs is None and self.generator_updates is None:
            raise ValueError(
                "trainer.epochs and trainer.generator_updates are both null: set one of them, the"
                " length of the training"
            )
        policies = ("stop", "rollback", "raise")
        allowed = ", ".join(policies)
        _require("trainer", "on_divergence", self.on_divergence, policies.__contains__, allowed)
        for name in ("epochs", "generator_updates", "max_steps", "keep_checkpoints"):
            if getattr(self, name) is not None:
                _require("trainer", name, getattr(self, name), _at_least(1), "1 or more, or null")
        if self.threads is not None:
            allowed = f"1 to {MAX_THREADS}, or null for torch's choice"
            _require("trainer", "threads", self.threads, _within(1, MAX_THREADS), allowed)
        if self.ema_decay is not None:
            allowed = "from 0 to below 1, or null for no average"
            _require("trainer", "ema_decay", self.ema_decay, lambda v: 0 <= v < 1, allowed)
        for name, values in (
            ("precision", ("auto", "fp32", "bf16")),
            ("memory_format", ("auto", "channels_last", "contiguous")),
        ):
            allowed = ", ".join(values)
            _require("trainer", name, getattr(self, name), values.__contains__, allowed)
        allowed = "from 0 (constant rates) to 1 (falling from the start)"
        _require("trainer", "lr_decay", self.lr_decay, lambda v: 0 <= v <= 1, allowed)
        if self.gradient_clip is not None:
            allowed = "more than 0, or null for no clipping"
            _require("trainer", "gradient_clip", self.gradient_clip, _positive, allowed)


@dataclass(frozen=True)
class Schedule:
    """Discriminator updates of a whole run, epoch by epoch."""

    epochs: int
    steps: int  # discriminator updates of every epoch but the last
    last_steps: int  # of the last epoch

    @property
    def updates(self) -> int:
        """Return the number of discriminator updates of the whole run."""
        return (self.epochs - 1) * self.steps + self.last_steps

    def steps_of(self, epoch: int) -> int:
        """Return the number of discriminator updates of an epoch, counted from 1."""
        return self.last_steps if epoch == self.epochs else self.steps


def schedule(settings: TrainerSettings, images: int) -> Schedule:
    """Return how long a run takes.

    An epoch is a pass over the training images, ``images // batch_size`` discriminator updates.
    ``epochs`` counts them; without it, ``generator_updates`` sets the length and the last epoch may
    be shorter. ``max_steps`` cuts every epoch short.

    >>> schedule(TrainerSettings(generator_updates=1000, n_critic=2, batch_size=64), 50_000)
    Schedule(epochs=3, steps=781, last_steps=438)
    """
    whole = images // settings.batch_size
    most = settings.max_steps or whole
    if settings.epochs is not None:
        return Schedule(settings.epochs, min(whole, most), min(whole, most))
    assert settings.generator_updates is not None  # checked when the settings were made
    total = settings.generator_updates * settings.n_critic
    epochs = -(-total // whole)
    last = total - (epochs - 1) * whole
    return Schedule(epochs, min(whole, most), min(last, most))


@dataclass
class AuxiliarySettings:
    """AC-GAN's class loss: its weight in each network's loss (cross-entropy in nats)."""

    weight_d: float = 1.0  # in the discriminator's loss
    weight_g: float = 1.0  # in the generator's loss
    on_fake: bool = True  # whether the discriminator also learns the labels of fakes

    def __post_init__(self) -> None:
        for name in ("weight_d", "weight_g"):
            _require("aux", name, getattr(self, name), _at_least(0), "0 or more")


@dataclass
class EvaluationSettings:
    """What is measured, how often and on how many samples."""

    every: int = 1  # epochs between measurements on the validation split; the last always
    samples: int = 1000  # generated images of such a measurement, from fixed latents
    final_samples: int = 10000  # generated images of the final numbers
    validation_metrics: list[str] | None = None  # of those measurements; null: fid, label_accuracy
    metrics: list[str] | None = None  # of the final numbers; null: all but gan_train
    reference_scores: bool = True  # whether to measure real data and weak samplers, too
    extractor: Any = "auto"  # auto | none | {_target_: ...} of a network of your own
    loss_split: str = "validation"  # the "test" rows of the loss table: validation or test
    loss_samples: int = 2000  # images of each kind behind those rows
    pictures: int = 1  # epochs between pictures of samples; the last epoch always has one

    def __post_init__(self) -> None:
        for name in ("every", "pictures"):
            _require("evaluation", name, getattr(self, name), _at_least(1), "1 or more")
        for name in ("samples", "final_samples", "loss_samples"):
            allowed = f"2 to {MAX_SAMPLES}"
            _require("evaluation", name, getattr(self, name), _within(2, MAX_SAMPLES), allowed)
        splits = ("validation", "test")
        allowed = " or ".join(splits)
        _require("evaluation", "loss_split", self.loss_split, splits.__contains__, allowed)
