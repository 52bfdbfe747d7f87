"""Several regularizers at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from gan_zoo.types import CriticStep, Discriminator, Regularizer


class Part(Regularizer, Protocol):
    """A regularizer that also says what it remembers, as all of this package do."""

    def state_dict(self) -> dict[str, float]:
        """What a checkpoint has to save."""
        ...

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Take over what a checkpoint saved."""
        ...


@dataclass(frozen=True)
class Combined:
    """The sum of the parts' penalties, and their constraints one after the other.

    Args:
        parts: regularizers, two or more.

    Raises:
        ValueError: fewer than two parts.
    """

    parts: Sequence[Part]

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise ValueError(
                f"regularizer.parts has {len(self.parts)}; allowed: 2 or more:"
                " name a single regularizer itself"
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
        """The sum over the parts."""
        total = step.real_scores.new_zeros(())
        for part in self.parts:
            total = total + part.penalty(discriminator, step)
        return total

    def constrain(self, discriminator: Discriminator) -> None:
        """Each part's constraint in the given order."""
        for part in self.parts:
            part.constrain(discriminator)

    def state_dict(self) -> dict[str, float]:
        """Every part's state, its names prefixed with the part's number."""
        return {
            f"{number}.{name}": value
            for number, part in enumerate(self.parts)
            for name, value in part.state_dict().items()
        }

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Give every part its own again."""
        for number, part in enumerate(self.parts):
            prefix = f"{number}."
            part.load_state_dict(
                {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            )
