"""The GAN of 2014 as the zero-sum game it was defined as."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.scores import as_pair, as_scores, softplus


@dataclass(frozen=True)
class Minimax:
    """Sigmoid cross-entropy; G minimises log(1 - sigmoid(D(G(z)))), which saturates.

    With s = softplus:

        L_D = mean s(-r) + mean s(f)
        L_G = -mean s(f)

    Shapes: real r (N,), fake f (N,) raw scores (logits) -> 0-dim, nats.

    Raises:
        ValueError: the scores' shapes are wrong.

    Source: Goodfellow et al. 2014 (arXiv 1406.2661), equation 1.
    """

    needs_real_in_generator_step: ClassVar[bool] = False
    needs_lipschitz: ClassVar[bool] = False
    # -L_D estimates 2 JSD - log 4
    divergence_range: ClassVar[tuple[float, float]] = (-math.log(4), 0.0)
    real_threshold: ClassVar[float] = 0.0  # sigmoid(0) = 1/2

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Cross-entropy on reals plus cross-entropy on fakes."""
        real, fake = as_pair(real, fake)
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """mean log(1 - sigmoid(f)): no gradient where D is sure that a sample is fake."""
        return -softplus(as_scores(fake)).mean()
