"""WGAN-div's gradient norm to a power."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.regularizers.gradients import gradients_at, interpolates, norms
from gan_zoo.regularizers.stateless import Stateless
from gan_zoo.regularizers.validation import require_positive
from gan_zoo.types import CriticStep, Discriminator


@dataclass(frozen=True)
class WganDivPenalty(Stateless):
    """k * mean ||grad D(x^)||^p, x^ = e x_real + (1 - e) x_fake, e ~ U(0, 1) for each sample.

    With the Wasserstein loss, the maximum over all critics is a divergence for any k > 0, p > 1; no
    Lipschitz constraint is needed.

    Args:
        k: factor.
        p: power of the norm, above 1.

    Raises:
        ValueError: k is not above 0, or p not above 1.

    Source: Wu et al. 2018 (arXiv 1712.01026).  Some other implementations
    take the gradients at real and fake samples, with k / 2 each.
    """

    needs_image_gradients: ClassVar[bool] = False
    penalises_gradients: ClassVar[bool] = True
    constrains_weights: ClassVar[bool] = False
    k: float = 2.0
    p: float = 6.0

    def __post_init__(self) -> None:
        require_positive("k", self.k)
        if not 1 < self.p < float("inf"):
            raise ValueError(
                f"regularizer.p is {self.p}; allowed: above 1 (the penalty must be smooth at 0)"
            )

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """One forward and one backward pass at fresh interpolates."""
        found = norms(gradients_at(discriminator, interpolates(step)))
        return self.k * found.pow(self.p).mean()
