"""Optimistic gradient methods, moving averages of weights, and helpers for optimizers.

Optimistic methods converge in games where plain gradient steps circle. Each step goes twice along
the present direction and once back along the last one: a prediction of the next gradient. Without
constraints this is the extragradient method with extrapolation from the past (Popov 1980; Gidel et
al. 2019, arXiv 1802.10551, algorithm 3), with one gradient per step.
"""

import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
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


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Update averaged weights in place: ``average = decay * average + (1 - decay) * w``.

    Floating-point buffers, such as batch norm's running statistics, are averaged like weights;
    integer buffers are copied. FID of the default network on 10,000 validation images after 3,000
    generator updates, with averaged statistics: 9.5 (bce), 23.2 (wgan); copied from G: 10.0, 23.3;
    recomputed from 200 batches: 9.3, 23.3, which is not worth its time.
    """
    averaged = [*average.parameters(), *average.buffers()]
    current = [*network.parameters(), *network.buffers()]
    floating = [tensor.is_floating_point() for tensor in averaged]
    torch._foreach_lerp_(
        [tensor for tensor, is_float in zip(averaged, floating, strict=True) if is_float],
        [tensor for tensor, is_float in zip(current, floating, strict=True) if is_float],
        1 - decay,
    )
    if not all(floating):
        torch._foreach_copy_(
            [tensor for tensor, is_float in zip(averaged, floating, strict=True) if not is_float],
            [tensor for tensor, is_float in zip(current, floating, strict=True) if not is_float],
        )


def in_tensors(optimizer: Optimizer, device: torch.device) -> None:
    """Keep learning rates, and counts of updates, in tensors on a device, for a CUDA graph.

    A graph repeats its kernels with the numbers that they were recorded with, but reads tensors.
    """
    for group in optimizer.param_groups:
        # The CPU's kernels read the rate in float64, CUDA's in float32.
        dtype = torch.float64 if device.type == "cpu" else torch.float32
        group["lr"] = torch.full((), float(group["lr"]), dtype=dtype, device=device)
        if isinstance(optimizer, torch.optim.SGD):  # the others of its forms read the rate
            group["fused"], group["foreach"] = True, False
        else:
            group["capturable"] = True
            group["foreach"] = not group.get("fused")


def is_capturable(optimizer: Optimizer) -> bool:
    """Return whether a graph can hold an optimizer's step, with rates and counts in tensors."""
    known = (torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.SGD)
    return type(optimizer) in known


def set_rate(group: dict[str, Any], rate: float) -> None:
    """Set the learning rate of a parameter group, in place if it is a tensor."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def load_optimizer(optimizer: Optimizer, saved: dict[str, Any]) -> None:
    """Load an optimizer's state, each tensor in the memory format of its parameter.

    torch's ``load_state_dict`` keeps the strides of a saved tensor, while its fused optimizers
    (``fused=True``; Adam, AdamW, SGD, Adagrad) walk through the raw memory of parameter, gradient
    and moments side by side and never compare strides. With channels-last parameters and contiguous
    moments they would update every weight with the moments of another one, without an error:
    ``tests/training/test_resume.py`` has a proof. torch also casts the state of floating-point
    parameters to the parameter's dtype, so a float64 sum would lose digits; here it does not.
    """
    optimizer.load_state_dict(saved)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for number, entries in saved["state"].items():
        parameter = parameters[number]
        state = optimizer.state[parameter]
        for name, value in entries.items():
            if isinstance(value, torch.Tensor):
                like = parameter if value.shape == parameter.shape else state[name]
                state[name] = torch.empty_like(like, dtype=value.dtype).copy_(value)


def without_compiler() -> None:
    """Keep torch's optimizers from importing ``torch._dynamo``, as slow an import as torch's.

    Making an optimizer and its every step import the compiler to mark where it has to stop. torch
    has no public option against that, so methods are replaced by the ones they wrap, which compute
    the same. Where another version of torch wraps them differently, the compiler is imported.
    """
    if "torch._dynamo" in sys.modules:
        return
    for name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
        method: Any = inspect.unwrap(getattr(Optimizer, name))
        method.__dynamo_disable = method  # what torch._disable_dynamo would set, and calls
    for kind in vars(torch.optim).values():
        if isinstance(kind, type) and issubclass(kind, Optimizer) and "step" in vars(kind):
            step: Any = vars(kind)["step"]
            if hasattr(step, "__wrapped__"):
                kind.step = _eager(step.__wrapped__)  # type: ignore[method-assign]


def _eager(plain: Any) -> Any:
    """Wrap an optimizer's step to disable gradients, unless it is to be differentiated."""

    def step(self: Optimizer, *arguments: Any, **named: Any) -> Any:
        with torch.set_grad_enabled(bool(self.defaults.get("differentiable", False))):
            return plain(self, *arguments, **named)

    return step
