"""The GAN of 2014 as a zero-sum game, its definition."""

import math
from dataclasses import dataclass

from torch import Tensor

from gan_zoo.losses.base import Loss, as_pair, as_scores
from gan_zoo.losses.elementwise import softplus


@dataclass(frozen=True)
class Minimax(Loss):
    """Sigmoid cross-entropy; G minimises log(1 - sigmoid(D(G(z)))), which saturates.

    With s = softplus:

        L_D = mean s(-r) + mean s(f)
        L_G = -mean s(f)

    Shapes: real r (N,), fake f (N,) raw scores (logits) -> 0-dim, nats.

    Raises:
        ValueError: the scores' shapes are wrong.

    Source: Goodfellow et al. 2014 (arXiv 1406.2661), equation 1.
    """

    divergence_range = (-math.log(4), 0.0)  # of 2 JSD - log 4, which -L_D estimates

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return cross-entropy on reals plus cross-entropy on fakes."""
        real, fake = as_pair(real, fake)
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return mean log(1 - sigmoid(f)), without a gradient where D is sure of a fake."""
        return -softplus(as_scores(fake)).mean()
