"""The non-saturating GAN: sigmoid cross-entropy with swapped labels for G."""

import math
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from gan_zoo.losses.base import Loss, as_pair, as_scores
from gan_zoo.losses.elementwise import softplus


@dataclass(frozen=True)
class Bce(Loss):
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

    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise ValueError(
                f"loss.smoothing must be at least 0 (hard labels) and below 1, got {self.smoothing}"
            )

    @property
    def real_threshold(self) -> float:
        """The logit of (1 - e) / 2, the optimal D where real and fake are equally likely."""
        return math.log1p(-self.smoothing) - math.log1p(self.smoothing)

    @property
    def divergence_range(self) -> tuple[float, float] | None:
        """The range of 2 JSD - log 4, which -L_D estimates with hard labels; else None."""
        return None if self.smoothing else (-math.log(4), 0.0)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return cross-entropy on reals (target 1 - e) plus cross-entropy on fakes (target 0)."""
        real, fake = as_pair(real, fake)
        on_real = -logsigmoid(real) + self.smoothing * real  # s(-r), and s(r) = s(-r) + r
        return on_real.mean() + softplus(fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return cross-entropy of the fakes against the label "real"."""
        return -logsigmoid(as_scores(fake)).mean()
