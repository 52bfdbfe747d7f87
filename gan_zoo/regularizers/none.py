"""No penalty, no constraint."""

from dataclasses import dataclass

from gan_zoo.regularizers.base import Penalty


@dataclass(frozen=True)
class Unregularized(Penalty):
    """D's loss is the adversarial loss and the class loss, nothing else."""
