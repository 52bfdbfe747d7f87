"""The schema of a configuration: every key, its type, its default and its range.

OmegaConf needs plain dataclasses, so ranges are part of the annotations as ``Annotated[int,
Range(1)]`` and ``check_ranges`` reads them; pydantic would add a second set of type errors.
Importing this module needs no torch.
"""

import math
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, get_type_hints

from omegaconf import MISSING

from gan_zoo.types import ConfigurationError

MAX_THREADS = 1024
MAX_SAMPLES = 1_000_000  # of a measurement; FID's bias is gone long before
MAX_SEED = 2**63 - 1  # the largest that a report reads
UNTRACKED = "gan_zoo.training.trackers.Untracked"


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``; ``above`` excludes low, ``below`` excludes high."""

    low: float
    high: float = math.inf
    above: bool = False
    below: bool = False

    def allows(self, value: float) -> bool:
        """Return whether a number is finite and within the range."""
        high = self.below or self.high == math.inf
        return (self.low < value if self.above else self.low <= value) and (
            value < self.high if high else value <= self.high
        )

    def __str__(self) -> str:
        low = f"greater than {self.low}" if self.above else f"at least {self.low}"
        if self.high == math.inf:
            return low
        return f"{low} and below {self.high}" if self.below else f"from {self.low} to {self.high}"


@dataclass(frozen=True)
class OneOf:
    """One of some values."""

    values: tuple[str, ...]

    def allows(self, value: object) -> bool:
        """Return whether it is one of the values."""
        return value in self.values

    def __str__(self) -> str:
        return f"{', '.join(self.values[:-1])} or {self.values[-1]}"


def check_ranges(settings: Any, prefix: str = "") -> None:
    """Check the fields of a dataclass against the ranges in their annotations; None passes.

    Args:
        settings: an instance.
        prefix: of the names in the message, such as ``trainer.``.

    Raises:
        ConfigurationError: naming the first value out of its range.
    """
    annotations = get_type_hints(type(settings), include_extras=True)
    for name in (entry.name for entry in fields(settings)):
        value = getattr(settings, name)
        for rule in getattr(annotations[name], "__metadata__", ()):
            if isinstance(rule, Range | OneOf) and not (value is None or rule.allows(value)):
                null = (
                    " or null" if type(None) in getattr(annotations[name], "__args__", ()) else ""
                )
                raise ConfigurationError(f"{prefix}{name} must be {rule}{null}, got {value!r}")


COUNT = Range(1)
SAMPLE_COUNT = Range(2, MAX_SAMPLES)


@dataclass
class TrainerSettings:
    """How long and in which rhythm the two networks are trained."""

    # length of the training; unused where epochs is given
    generator_updates: Annotated[int | None, COUNT] = 3000
    epochs: Annotated[int | None, COUNT] = None  # passes over the training images
    batch_size: Annotated[int, COUNT] = 64  # real images of one discriminator update, as many fakes
    generator_batch_size: Annotated[int, COUNT] = 64  # latents of one generator update
    n_critic: Annotated[int, COUNT] = 1  # discriminator updates for each generator update
    simultaneous: bool = False  # both gradients at the old point (f-GAN's Algorithm 1)
    # last share of the updates in which learning rates fall linearly to 0
    lr_decay: Annotated[float, Range(0, 1)] = 0.5
    # largest gradient norm of each network; null: no clipping
    gradient_clip: Annotated[float | None, Range(0, above=True)] = None
    # of a moving average of G's weights, per update; null: no average
    ema_decay: Annotated[float | None, Range(0, 1, below=True)] = 0.999
    max_steps: Annotated[int | None, COUNT] = None  # cut epochs short; null: whole epochs
    keep_checkpoints: Annotated[int | None, COUNT] = None  # newest epochs of weights; null: all
    threads: Annotated[int | None, Range(1, MAX_THREADS)] = None  # null: PyTorch's choice
    checkpoint_every: Annotated[int, COUNT] = 1  # epochs between states to resume from
    # rollback: to the last such state; raise: an error
    on_divergence: Annotated[str, OneOf(("stop", "rollback", "raise"))] = "stop"
    # of the networks' products; auto: what the device does best
    precision: Annotated[str, OneOf(("auto", "fp32", "tf32", "bf16"))] = "auto"
    # of images; contiguous: PyTorch's own; auto: the faster one
    memory_format: Annotated[str, OneOf(("auto", "channels_last", "contiguous"))] = "auto"

    def __post_init__(self) -> None:
        check_ranges(self, "trainer.")
        if self.epochs is None and self.generator_updates is None:
            raise ConfigurationError(
                "trainer.epochs and trainer.generator_updates are both null: set one of them, the"
                " length of the training"
            )


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

    weight_d: Annotated[float, Range(0)] = 1.0  # in the discriminator's loss
    weight_g: Annotated[float, Range(0)] = 1.0  # in the generator's loss
    on_fake: bool = True  # whether the discriminator also learns the labels of fakes

    def __post_init__(self) -> None:
        check_ranges(self, "aux.")


@dataclass
class EvaluationSettings:
    """What is measured, how often and on how many samples."""

    every: Annotated[int, COUNT] = 1  # epochs between validation measurements; the last always
    samples: Annotated[int, SAMPLE_COUNT] = 1000  # generated images of such a measurement
    final_samples: Annotated[int, SAMPLE_COUNT] = 10000  # generated images of the final metrics
    validation_metrics: list[str] | None = None  # null: fid, label_accuracy
    metrics: list[str] | None = None  # of the final measurement; null: all but gan_train
    reference_scores: bool = True  # whether to measure real data and weak baselines too
    extractor: Any = "auto"  # auto | none | {_target_: ...} of a network of your own
    # the split of the loss table's "test" rows
    loss_split: Annotated[str, OneOf(("validation", "test"))] = "validation"
    loss_samples: Annotated[int, SAMPLE_COUNT] = 2000  # images of each kind behind those rows
    pictures: Annotated[int, COUNT] = 1  # epochs between sample grids; the last always has one

    def __post_init__(self) -> None:
        check_ranges(self, "evaluation.")


@dataclass
class Pair:
    """Something that each of the two networks has."""

    # first, since G's options often repeat D's: an error names the one that was given
    discriminator: dict[str, Any] = field(default_factory=dict)
    generator: dict[str, Any] = field(default_factory=dict)


@dataclass
class Config:
    """Every top-level key; an unknown one, in a file too, is an error."""

    seed: Annotated[int, Range(0, MAX_SEED)] = MISSING
    device: str = MISSING
    deterministic: bool = True
    data: dict[str, Any] = MISSING
    model: Pair = field(default_factory=Pair)
    latents: dict[str, Any] = MISSING
    labels: dict[str, Any] = MISSING
    loss: dict[str, Any] = MISSING
    regularizer: dict[str, Any] = MISSING
    optimizer: Pair = field(default_factory=Pair)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)
    aux: AuxiliarySettings = field(default_factory=AuxiliarySettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    tracker: dict[str, Any] = field(default_factory=lambda: {"_target_": UNTRACKED})
    schedules: dict[str, Any] = field(default_factory=dict)
    after_sweep: str | None = None
    resume: str = "auto"
    sweep_name: str | None = None
