"""Several regularizers at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gan_zoo.types import CriticStep, Discriminator, Regularizer


@dataclass(frozen=True)
class Combined:
    """The sum of the parts' penalties, and their constraints one after the other.

    A fact holds if it holds for any part.

    Args:
        parts: regularizers, two or more; each may have ``state_dict`` and ``load_state_dict``.

    Raises:
        ValueError: fewer than two parts.
    """

    parts: Sequence[Regularizer]

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise ValueError(
                f"regularizer.parts must have at least 2 regularizers, got {len(self.parts)}:"
                " use a single one without Combined"
            )

    @property
    def needs_image_gradients(self) -> bool:
        """Whether any part does."""
        return any(part.needs_image_gradients for part in self.parts)

    @property
    def penalises_gradients(self) -> bool:
        """Whether any part does."""
        return any(part.penalises_gradients for part in self.parts)

    @property
    def differentiates_twice(self) -> bool:
        """Whether any part does."""
        return any(part.differentiates_twice for part in self.parts)

    @property
    def constrains_weights(self) -> bool:
        """Whether any part does."""
        return any(part.constrains_weights for part in self.parts)

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return the sum over the parts."""
        total = step.real_scores.new_zeros(())
        for part in self.parts:
            total = total + part.penalty(discriminator, step)
        return total

    def constrain(self, discriminator: Discriminator) -> None:
        """Apply each part's constraint in the given order."""
        for part in self.parts:
            part.constrain(discriminator)

    def state_dict(self) -> dict[str, float]:
        """Return every part's state, with the part's number as a prefix of the names."""
        return {
            f"{number}.{name}": value
            for number, part in enumerate(self.parts)
            for name, value in _state_of(part).items()
        }

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Load every part's state."""
        for number, part in enumerate(self.parts):
            prefix = f"{number}."
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            if hasattr(part, "load_state_dict"):
                part.load_state_dict(own)


def _state_of(part: Any) -> dict[str, float]:
    """Return a part's state, empty for a user's regularizer without one."""
    return part.state_dict() if hasattr(part, "state_dict") else {}
