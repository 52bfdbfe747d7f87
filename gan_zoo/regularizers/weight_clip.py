"""Weight clipping, the constraint of the first Wasserstein GAN."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gan_zoo.regularizers.stateless import Stateless
from gan_zoo.regularizers.validation import require_positive
from gan_zoo.types import CriticStep, Discriminator


@dataclass(frozen=True)
class WeightClip(Stateless):
    """After every update of D, w <- min(max(w, -c), c) for each number w of its critic.

    Clipped are all ``discriminator.adversarial_parameters()``: weights, biases and, where there are
    any, normalisation gains of the trunk and the score head.  The class head is left free: it has
    no part in the score's Lipschitz constant, and clipping it would cap the class logits.

    Args:
        clip: c.

    Raises:
        ValueError: clip is not above 0.

    Source: Arjovsky, Chintala, Bottou 2017 (arXiv 1701.07875), algorithm 1, line 7.  The authors'
    code clips just before each critic step instead, which leaves G facing unclipped weights.
    """

    needs_image_gradients: ClassVar[bool] = False
    penalises_gradients: ClassVar[bool] = False
    constrains_weights: ClassVar[bool] = True
    clip: float = 0.01

    def __post_init__(self) -> None:
        require_positive("clip", self.clip)

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Zero: the constraint does the work."""
        return step.real_scores.new_zeros(())

    def constrain(self, discriminator: Discriminator) -> None:
        """Clip in place."""
        with torch.no_grad():
            for parameter in discriminator.adversarial_parameters():
                parameter.clamp_(-self.clip, self.clip)
