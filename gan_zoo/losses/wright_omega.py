"""The logarithm of Wright's omega function, differentiable any number of times."""

from typing import Any

import torch
from torch import Tensor

NEWTON_STEPS = 8  # from the starting points below: full float64 precision after 6


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


def log_wright_omega(x: Tensor) -> Tensor:
    """The y with y + exp(y) = x, so that omega(x) = W(e^x) = exp(y).

    Unlike Lambert's W of e^x it neither overflows nor underflows, for any finite x.  Its
    derivative is 1 / (1 + omega(x)).

    Shapes: any -> the same.

    Source: Corless and Jeffrey 2002, "The Wright omega function": omega + log omega = x.
    """
    result = _LogWrightOmega.apply(x)
    assert isinstance(result, Tensor)
    return result
