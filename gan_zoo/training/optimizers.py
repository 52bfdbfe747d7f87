"""Optimistic gradient methods, which come to rest in games where plain gradient steps circle.

Each step goes twice along the present direction and once back along the last one: a prediction of
the next gradient. Without constraints this is the extragradient method with extrapolation from the
past (Popov 1980; Gidel et al. 2019, arXiv 1802.10551, algorithm 3), at one gradient a step.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class _Optimistic(Optimizer):
    """w <- w - lr (2 d_t - d_{t-1}) for the direction d_t of a subclass; d_0 counts as d_1."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step along the gradients that the parameters hold."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                direction = self._direction(parameter.grad, state, group)
                previous = state.get("previous", direction)
                parameter.add_(2 * direction - previous, alpha=-group["lr"])
                state["previous"] = direction
        return loss

    def _direction(self, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        raise NotImplementedError


class OptimisticSGD(_Optimistic):
    """Optimistic gradient descent: d_t is the gradient.

    Args:
        params: parameters or groups of them.
        lr: learning rate.

    Source: Daskalakis et al. 2018 (arXiv 1711.00141), equation 6.
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3):
        super().__init__(params, {"lr": lr})

    def _direction(self, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        return gradient.clone()


class OptimisticAdam(_Optimistic):
    """Optimistic Adam: d_t is Adam's bias-corrected direction m_t / (sqrt(v_t) + eps).

    Args:
        params: parameters or groups of them.
        lr: learning rate.
        betas: shares kept of the averages of gradients and of their squares.
        eps: added to the root.

    Source: Daskalakis et al. 2018 (arXiv 1711.00141), algorithm 1.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    def _direction(self, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        if "mean" not in state:
            state["updates"] = 0
            state["mean"] = torch.zeros_like(gradient)
            state["square"] = torch.zeros_like(gradient)
        first, second = group["betas"]
        state["updates"] += 1
        state["mean"].lerp_(gradient, 1 - first)
        state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        mean = state["mean"] / (1 - first ** state["updates"])
        root = (state["square"] / (1 - second ** state["updates"])).sqrt()
        return mean / (root + group["eps"])
