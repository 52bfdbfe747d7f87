"""Packing: a discriminator that looks at several samples of one kind at once, as in PacGAN.

A pack is m consecutive samples of a batch, joined along the first axis of a sample (the channels of
an image). Each of its samples is given the score of its pack, so that a loss remains a function of
(N,) scores and its mean over samples is its mean over packs; and each is classified by outputs of
its own, since the samples of a pack have different labels.

Source: Lin, Khetan, Fanti, Oh 2018 (arXiv 1712.04086), who join images along the channels and have
no class head.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gan_zoo.types import CriticOutput

MAX_PACKING = 64


def packed_shape(shape: Sequence[int], packing: int) -> tuple[int, ...]:
    """Return the shape of a pack of samples.

    Raises:
        ValueError: packing is not in its range.
    """
    if not 1 <= packing <= MAX_PACKING:
        raise ValueError(
            f"discriminator.packing is {packing}; allowed: from 1 (one sample at a time) to"
            f" {MAX_PACKING}"
        )
    return shape[0] * packing, *shape[1:]


def pack(samples: Tensor, packing: int, *, training: bool) -> Tensor:
    """Join consecutive samples; outside training, the first ones also complete the last pack.

    Shapes: (N, C, ...) -> (ceil(N / packing), packing * C, ...).

    Raises:
        ValueError: in training, N is not a multiple of packing.
    """
    missing = -len(samples) % packing
    if missing and training:
        raise ValueError(
            f"{len(samples)} samples do not fill packs of {packing}; allowed: a multiple of"
            f" {packing}"
        )
    if missing:
        count = len(samples)
        samples = samples[torch.arange(count + missing, device=samples.device) % count]
    return samples.unflatten(0, (-1, packing)).flatten(1, 2)


def unpack(scores: Tensor, class_logits: Tensor, packing: int, count: int) -> CriticOutput:
    """Return the outputs of each sample from those of packs.

    Shapes: scores (P,), class_logits (P, packing * K) -> (count,), (count, K).
    """
    spread = scores[:, None].expand(-1, packing).reshape(-1)
    return CriticOutput(
        spread[:count], class_logits.unflatten(1, (packing, -1)).flatten(0, 1)[:count]
    )


def packing_of(discriminator: nn.Module) -> int:
    """Return how many samples a discriminator looks at together."""
    return int(getattr(discriminator, "packing", 1))


def scores_of_copies(discriminator: nn.Module, points: Tensor) -> Tensor:
    """Return the scores of packs of equal samples, which are a function of one sample each.

    Shapes: (N, ...) -> (N,).
    """
    packing = packing_of(discriminator)
    scores: Tensor = discriminator(points.repeat_interleave(packing, 0)).scores
    return scores[::packing]
