"""The non-saturating GAN: sigmoid cross-entropy with swapped labels for G."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.scores import as_pair, as_scores, softplus


@dataclass(frozen=True)
class Bce:
    """Sigmoid cross-entropy; G maximises log sigmoid(D(G(z))).

    With s = softplus and e = ``smoothing``:

        L_D = mean[(1 - e) s(-r) + e s(r)] + mean s(f)
        L_G = mean s(-f)

    Args:
        smoothing: e, one-sided label smoothing: D's target on reals is 1 - e, on fakes 0.  G's
            target stays 1.

    Shapes: real r (N,), fake f (N,) raw scores (logits) -> 0-dim, nats.

    Raises:
        ValueError: smoothing is not in [0, 1), or the scores' shapes are wrong.

    Source: Goodfellow et al. 2014 (arXiv 1406.2661), section 3; smoothing: Salimans et al. 2016
    (arXiv 1606.03498), section 3.4.  Real and fake terms are summed, not averaged.
    """

    needs_real_in_generator_step: ClassVar[bool] = False
    needs_lipschitz: ClassVar[bool] = False
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise ValueError(
                f"loss.smoothing is {self.smoothing}; allowed: from 0 (hard labels) to below 1"
            )

    @property
    def real_threshold(self) -> float:
        """The logit of (1 - e) / 2, which is the optimal D where real and fake are as likely."""
        return math.log1p(-self.smoothing) - math.log1p(self.smoothing)

    @property
    def divergence_range(self) -> tuple[float, float] | None:
        """With hard labels, -L_D estimates 2 JSD - log 4."""
        return None if self.smoothing else (-math.log(4), 0.0)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Cross-entropy on reals (target 1 - e) plus cross-entropy on fakes (target 0)."""
        real, fake = as_pair(real, fake)
        on_real = softplus(-real) + self.smoothing * real  # s(r) = s(-r) + r
        return on_real.mean() + softplus(fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Cross-entropy of the fakes against the label "real"."""
        return softplus(-as_scores(fake)).mean()
