"""What a penalty without memory and without a constraint has in common with its like."""

from collections.abc import Mapping
from typing import ClassVar

from gan_zoo.types import Discriminator


class Stateless:
    """Nothing to project after D's update, nothing to save in a checkpoint."""

    penalises_gradients: ClassVar[bool]

    @property
    def differentiates_twice(self) -> bool:
        """As every penalty of exact gradients does."""
        return self.penalises_gradients

    def constrain(self, discriminator: Discriminator) -> None:
        """Leave D as it is."""

    def state_dict(self) -> dict[str, float]:
        """Nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Accept the nothing that was saved.

        Raises:
            ValueError: there is a state, so it belongs to another regularizer.
        """
        if state:
            raise ValueError(
                f"a saved state with {', '.join(state)} does not belong to {type(self).__name__},"
                " which has none: resume with the regularizer of the saved run"
            )
