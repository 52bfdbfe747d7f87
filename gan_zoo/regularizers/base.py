"""What regularizers share: default facts, no constraint, no memory, and the range check."""

import math
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from gan_zoo.types import CriticStep, Discriminator


class Penalty:
    """Defaults of a regularizer without memory; see ``gan_zoo.types.Regularizer``.

    A penalty overrides ``penalty``; a constraint overrides ``constrain``.
    """

    needs_image_gradients: ClassVar[bool] = False
    penalises_gradients: ClassVar[bool] = False
    constrains_weights: ClassVar[bool] = False

    @property
    def differentiates_twice(self) -> bool:
        """Whether training takes a second derivative, as every exact gradient penalty needs."""
        return self.penalises_gradients

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return 0."""
        return step.real_scores.new_zeros(())

    def constrain(self, discriminator: Discriminator) -> None:
        """Leave D unchanged."""

    def state_dict(self) -> dict[str, float]:
        """Return an empty state."""
        return {}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Load an empty state.

        Raises:
            ValueError: the state is not empty, so it belongs to another regularizer.
        """
        if state:
            raise ValueError(
                f"a saved state with {', '.join(state)} does not belong to {type(self).__name__},"
                " which has none: resume with the regularizer of the saved run"
            )


def require_positive(**options: float) -> None:
    """Check options that would switch a penalty off, reverse it or make it infinite.

    Raises:
        ValueError: a value is not a finite number above 0.
    """
    for name, value in options.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(
                f"regularizer.{name} must be finite and above 0, got {value}"
                " (regularizer=none switches it off)"
            )
