"""What all adversarial losses share: default facts, and checks of the scores they are given."""

from typing import ClassVar

import torch
from torch import Tensor


class Loss:
    """Default facts of an adversarial loss; see ``gan_zoo.types.AdversarialLoss``.

    A loss of scores overrides what differs, with a class variable or a property.
    """

    needs_real_in_generator_step: ClassVar[bool] = False
    needs_lipschitz: ClassVar[bool] = False

    @property
    def real_threshold(self) -> float:
        """The score at which D is undecided.

        Where D's loss depends on differences of scores alone, no score means "undecided"; 0 is then
        where the scores of a freshly initialised critic lie, and accuracies are to be read as such.
        """
        return 0.0

    @property
    def divergence_range(self) -> tuple[float, float] | None:
        """Bounds of the divergence that -L_D estimates; None if it estimates none."""
        return None


def as_scores(scores: Tensor) -> Tensor:
    """Return (N,) scores in float32 at least: half types are upcast, float64 stays.

    Raises:
        ValueError: the shape is not (N,) with N at least 1, or the type is not floating point.
    """
    if scores.ndim != 1 or not len(scores):
        raise ValueError(
            f"scores must have shape (N,), one for each sample, got {tuple(scores.shape)}:"
            " squeeze the critic's last dimension"
        )
    if not scores.is_floating_point():
        raise ValueError(f"scores must be floating point, raw critic outputs, got {scores.dtype}")
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def as_pair(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return real and fake scores, each as ``as_scores``, of equal number.

    Raises:
        ValueError: as ``as_scores``, or the numbers differ, which would broadcast silently.
    """
    real, fake = as_scores(real), as_scores(fake)
    if len(real) != len(fake):
        raise ValueError(
            f"real and fake scores must be equally many, got {len(real)} and {len(fake)}"
        )
    return real, fake


def as_relativistic_pair(real: Tensor | None, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``as_pair``, for a generator loss that needs the real scores.

    Raises:
        ValueError: as ``as_pair``, or ``real`` is None.
    """
    if real is None:
        raise ValueError(
            "real scores are missing: a relativistic generator loss compares fakes with reals;"
            " pass generator(fake, real)"
        )
    return as_pair(real, fake)
