"""What the discriminators share: packing, instance noise, and which parameters the score uses.

A pack, as in PacGAN, is m consecutive samples of a batch, joined along the first axis of a sample
(the channels of an image). Each of its samples gets the score of its pack, so that a loss remains a
function of (N,) scores and its mean over samples is its mean over packs; and each is classified by
outputs of its own, since the samples of a pack have different labels.

Source: Lin, Khetan, Fanti, Oh 2018 (arXiv 1712.04086), who join images along the channels and have
no class head; instance noise: Sonderby et al. 2017 (arXiv 1610.04490).
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gan_zoo.types import CriticOutput

MAX_PACKING = 64


class PackedDiscriminator(nn.Module):
    """Base of the discriminators: packs of samples with noise in, scores and class logits out.

    A subclass has ``heads``; the name of its class head, if it has one, is ``class_head``.

    Args:
        packing: samples that are scored together; a batch in training must be a multiple of it.
        instance_noise: standard deviation of normal noise on every image in training, real or fake,
            in D's and in G's step.

    Raises:
        ValueError: an option out of its range.
    """

    _noise: Tensor

    def __init__(self, packing: int = 1, instance_noise: float = 0.0):
        super().__init__()
        if not 1 <= packing <= MAX_PACKING:
            raise ValueError(
                "discriminator.packing must be from 1 (one sample at a time) to"
                f" {MAX_PACKING}, got {packing}"
            )
        self.packing = packing
        self.register_buffer("_noise", torch.tensor(0.0), persistent=False)
        self.instance_noise = instance_noise

    @property
    def instance_noise(self) -> float:
        """Standard deviation of the noise; a schedule may set it between updates.

        It is kept in a tensor, too, which an update captured as a graph reads.
        """
        return self._instance_noise

    @instance_noise.setter
    def instance_noise(self, noise: float) -> None:
        self._instance_noise = check_instance_noise(noise)
        self._noise.fill_(noise)

    def heads(self, packs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores (P,) and class logits (P, packing * K) of P packs."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> CriticOutput:
        noisy = self.with_noise(images)
        scores, class_logits = self.heads(pack(noisy, self.packing, training=self.training))
        return unpack(scores, class_logits, self.packing, len(images))

    def with_noise(self, images: Tensor) -> Tensor:
        """Return images with the noise of training, drawn from the global stream as dropout is."""
        if not (self.training and self.instance_noise):
            return images
        return images + self._noise * torch.randn_like(images)

    def adversarial_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters that the score depends on: all but the class head's."""
        for name, parameter in self.named_parameters():
            if not name.startswith("class_head."):
                yield parameter

    def packed_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of a pack of samples."""
        return shape[0] * self.packing, *shape[1:]

    def divide_by_singular_values(self) -> None:
        """Divide every weight but the class head's by its largest singular value.

        Source: Miyato et al. 2018 (arXiv 1802.05957), one power iteration a forward pass.
        """
        for name, module in list(self.named_modules()):
            if isinstance(module, nn.Conv2d | nn.Linear) and name != "class_head":
                nn.utils.parametrizations.spectral_norm(module)


def check_instance_noise(noise: Any) -> float:
    """Return the standard deviation of noise on a discriminator's input.

    Raises:
        ValueError: it is not a finite number of at least 0.
    """
    if not 0 <= noise < math.inf:
        raise ValueError(
            f"discriminator.instance_noise must be finite and at least 0 (none), got {noise}"
        )
    return float(noise)


def pack(samples: Tensor, packing: int, *, training: bool) -> Tensor:
    """Join consecutive samples; outside training, the first ones also complete the last pack.

    Shapes: (N, C, ...) -> (ceil(N / packing), packing * C, ...).

    Raises:
        ValueError: in training, N is not a multiple of packing.
    """
    count = len(samples)
    missing = -count % packing
    if missing and training:
        raise ValueError(
            f"the number of samples must be a multiple of the packing, {packing}, got {count}"
        )
    if missing:
        samples = samples[torch.arange(count + missing, device=samples.device) % count]
    return samples.unflatten(0, (-1, packing)).flatten(1, 2)


def unpack(scores: Tensor, class_logits: Tensor, packing: int, count: int) -> CriticOutput:
    """Return the outputs of each sample from those of packs.

    Shapes: scores (P,), class_logits (P, packing * K) -> (count,), (count, K).
    """
    spread = scores[:, None].expand(-1, packing).reshape(-1)
    each = class_logits.unflatten(1, (packing, -1)).flatten(0, 1)
    if len(spread) > count:  # slicing off nothing would take a kernel, too
        spread, each = spread[:count], each[:count]
    return CriticOutput(spread, each)


def packing_of(discriminator: nn.Module) -> int:
    """Return how many samples a discriminator scores together."""
    return int(getattr(discriminator, "packing", 1))


def scores_of_copies(discriminator: nn.Module, points: Tensor) -> Tensor:
    """Return the scores of packs of equal samples, which are a function of one sample each.

    Shapes: (N, ...) -> (N,).
    """
    packing = packing_of(discriminator)
    scores: Tensor = discriminator(points.repeat_interleave(packing, 0)).scores
    return scores[::packing]
