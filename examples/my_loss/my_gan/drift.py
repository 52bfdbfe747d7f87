"""A small penalty on the size of real scores, which keeps a critic from drifting."""

from dataclasses import dataclass

from torch import Tensor

from gan_zoo.losses.base import as_scores
from gan_zoo.regularizers.base import Penalty
from gan_zoo.types import CriticStep, Discriminator


@dataclass(frozen=True)
class Drift(Penalty):
    """weight * mean r^2 of the real scores r.

    Args:
        weight: epsilon.

    Source: Karras et al. 2017 (arXiv 1710.10196), appendix A.1.
    """

    weight: float = 0.001

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Return the penalty of the scores that D has computed."""
        return self.weight * as_scores(step.real_scores).square().mean()
