"""Weight clipping, the constraint of the first Wasserstein GAN."""

from dataclasses import dataclass

import torch

from gan_zoo.regularizers.base import Penalty, require_positive
from gan_zoo.types import Discriminator


@dataclass(frozen=True)
class WeightClip(Penalty):
    """After every update of D, w <- min(max(w, -c), c) for each number w of its critic.

    Clipped are all ``discriminator.adversarial_parameters()``: weights, biases and, if present,
    normalisation gains of the trunk and the score head.  The class head is not clipped: it has no
    part in the score's Lipschitz constant, and clipping it would bound the class logits.

    Args:
        clip: c.

    Raises:
        ValueError: clip is not above 0.

    Source: Arjovsky, Chintala, Bottou 2017 (arXiv 1701.07875), algorithm 1, line 7.  The authors'
    code clips just before each critic step instead, which leaves G facing unclipped weights.
    """

    constrains_weights = True
    clip: float = 0.01

    def __post_init__(self) -> None:
        require_positive(clip=self.clip)

    def constrain(self, discriminator: Discriminator) -> None:
        """Clip in place."""
        with torch.no_grad():
            for parameter in discriminator.adversarial_parameters():
                parameter.clamp_(-float(self.clip), float(self.clip))
