"""Types that packages share: batches, the contracts of a variant's parts, the package's errors.

Importing this module needs no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from gan_zoo.runs.record import RunRecord


class ConfigurationError(ValueError):
    """Raised for a mistake in the configuration, before any training starts."""


class DivergenceError(ArithmeticError):
    """Raised when a loss, gradient or weight becomes NaN or infinite."""

    def __init__(self, step: int, quantity: str, value: float):
        words = quantity.replace("_", " ")
        super().__init__(f"{words} became {value} at discriminator update {step}")
        self.step, self.quantity, self.value = step, quantity, value


class WorkerCrashed(RuntimeError):
    """Raised when the process of a sweep's job ends without a result."""


class CriticOutput(NamedTuple):
    """What a discriminator says of N samples: no sigmoid, no softmax, anywhere in a network."""

    scores: Tensor  # (N,) raw and unbounded; higher = believed real
    class_logits: Tensor  # (N, K)


class Batch(NamedTuple):
    """N samples with their labels, on the training device."""

    images: Tensor  # (N, C, H, W) in [-1, 1]; toy data: (N, D)
    labels: Tensor  # (N,) int64


class Split(NamedTuple):
    """A part of a data set as it is stored: images as bytes, toy points as floats."""

    images: Tensor  # (N, C, H, W) uint8, or (N, D) float32
    labels: Tensor  # (N,) int64


class Dataset(NamedTuple):
    """A data set: training part, the part that selects models, the part for final numbers."""

    name: str
    num_classes: int
    train: Split
    validation: Split
    test: Split

    @property
    def sample_shape(self) -> torch.Size:
        """Shape of one sample, (C, H, W) or (D,)."""
        return self.train.images.shape[1:]


class CriticStep(NamedTuple):
    """What D's step has at hand when it asks for the penalty.

    ``real.images`` and ``fake.images`` are leaves that require a gradient, and the scores depend on
    them, if and only if the regularizer says ``needs_image_gradients``.
    """

    real: Batch
    fake: Batch  # detached from G
    real_scores: Tensor  # (N,)
    fake_scores: Tensor  # (N,)
    rng: torch.Generator  # the regularizer's own random stream, on the training device


class Sampler(Protocol):
    """Draws what a generator is fed; latents and labels share this signature."""

    def __call__(self, count: int, size: int, rng: torch.Generator, /) -> Tensor:
        """Return ``count`` latents of ``size`` numbers, or labels below ``size``."""
        ...


class Generator(Protocol):
    """A network that makes samples; every model's generator is an ``nn.Module`` too."""

    latent_dim: int

    def __call__(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return samples from (N, latent_dim) latents and (N,) labels."""
        ...


class Discriminator(Protocol):
    """A network that scores and classifies; every model's discriminator is an ``nn.Module`` too."""

    def __call__(self, images: Tensor) -> CriticOutput:
        """Scores and class logits of (N, ...) images."""
        ...

    def adversarial_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters that the score depends on; a weight constraint acts on these."""
        ...


class AdversarialLoss(Protocol):
    """A pair of functions of raw scores, each a mean over the batch, each minimised."""

    @property
    def needs_real_in_generator_step(self) -> bool:
        """Whether G's loss depends on the real scores (relativistic losses)."""
        ...

    @property
    def needs_lipschitz(self) -> bool:
        """Whether D's loss has no lower bound unless something bounds D's slope."""
        ...

    @property
    def real_threshold(self) -> float:
        """The score at which D is undecided: above it, a sample counts as believed real."""
        ...

    @property
    def divergence_range(self) -> tuple[float, float] | None:
        """Where the divergence that -L_D estimates can lie; None if -L_D estimates none."""
        ...

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """D's loss from (N,) real and (N,) fake scores; a 0-dim tensor."""
        ...

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """G's loss from (N,) fake scores, and the real ones if it needs them; a 0-dim tensor."""
        ...


class Regularizer(Protocol):
    """A penalty added to D's loss, a constraint enforced after D's update, or both."""

    @property
    def needs_image_gradients(self) -> bool:
        """Whether ``penalty`` differentiates the given scores by the given images."""
        ...

    @property
    def penalises_gradients(self) -> bool:
        """Whether it penalises the gradient of each sample's score by that sample."""
        ...

    @property
    def differentiates_twice(self) -> bool:
        """Whether the penalty contains a gradient, so that training takes a second derivative."""
        ...

    @property
    def constrains_weights(self) -> bool:
        """Whether it projects D's weights after each update."""
        ...

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return the term added to D's loss: a 0-dim tensor, differentiable in D's weights."""
        ...

    def constrain(self, discriminator: Discriminator) -> None:
        """Project D's parameters in place; called after every update of D."""
        ...


class Tracker(Protocol):
    """Shows a run elsewhere than in its folder; nothing it does changes a number of the run.

    Names are ``group/name``, pictures are PNG files, and values are finite. An error in ``begin``
    ends the run before it trains; a later one is printed, and the run continues without its
    tracker.
    """

    def begin(self, folder: Path, record: RunRecord) -> None:
        """Start or resume showing a run: drop what was shown of this folder, and show it again."""
        ...

    def log(self, epoch: int, values: Mapping[str, float], pictures: Mapping[str, Path]) -> None:
        """Show an epoch; ``values`` has ``progress/seconds``, the training time so far."""
        ...

    def end(self, record: RunRecord, pictures: Mapping[str, Path]) -> None:
        """Show the run's status, and its final metrics if it has them; the process ends."""
        ...
