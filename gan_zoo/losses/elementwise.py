"""Elementwise functions that stay accurate and finite for any score."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

KNEE = 30.0  # the largest exponent that is left alone: a density ratio of e^30 = 1e13
NEWTON_STEPS = 8  # of log_wright_omega: full float64 precision after 6


def at_most(scores: Tensor, limit: float) -> Tensor:
    """Return min(x, limit) with slope 1 at the limit, where that of ``torch.clamp`` is 0."""
    return scores.masked_fill(scores > limit, limit)  # torch.where would copy the limit to a GPU


def softplus(scores: Tensor) -> Tensor:
    """Return log(1 + exp(x)), exact at both ends; torch's own switches to x at 20, 2e-9 off."""
    return -logsigmoid(-scores)


def compress_above(scores: Tensor, knee: float, scale: float = 1.0) -> Tensor:
    """Return x up to ``knee``, and knee + scale log(1 + (x - knee) / scale) beyond it.

    Monotone with a continuous slope, so that exp(x / scale) continues as a straight line where it
    would leave float32 (at 88): it is finite for scores of 1e4, and its slope is at most e^30.

    Both g_f and f* o g_f of a divergence use the *same* compressed score.  The critic's T(x) is
    thus still a function into dom f*, and E_P[T] - E_Q[f*(T)] still the exact variational bound:
    compression changes how a score is turned into T, never the objective.  A batch would need more
    than 1e13 samples for a ratio beyond the knee to show in an honest estimate.
    """
    return at_most(scores, knee) + scale * ((scores - knee).relu() / scale).log1p()


def compress_below(scores: Tensor, knee: float) -> Tensor:
    """Return x down to -``knee``, and logarithmic below: ``compress_above`` mirrored."""
    return -compress_above(-scores, knee)


def log_wright_omega(x: Tensor) -> Tensor:
    """Return the y with y + exp(y) = x, so that omega(x) = W(e^x) = exp(y).

    Unlike Lambert's W of e^x it neither overflows nor underflows, for any finite x.  Its derivative
    is 1 / (1 + omega(x)); it can be differentiated any number of times.

    Shapes: any -> the same.

    Source: Corless and Jeffrey 2002, "The Wright omega function": omega + log omega = x.
    """
    result = _LogWrightOmega.apply(x)
    assert isinstance(result, Tensor)
    return result


class _LogWrightOmega(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        # Both starting points lie above the root of the convex, increasing y + e^y - x, from where
        # Newton's method descends to it without overshooting.
        y = torch.where(x > 1, x.clamp(min=1).log(), x)
        for _ in range(NEWTON_STEPS):
            y = y - (y + y.exp() - x) / (1 + y.exp())
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors  # an output: it carries its own graph into the double backward
        return gradients[0] * torch.sigmoid(-y)  # 1 / (1 + e^y)
