"""Beside the optimizers' own step: moving averages, saved states, no compiler."""

import inspect
import sys
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer


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
    for target, source, is_float in zip(averaged, current, floating, strict=True):
        if not is_float:
            target.copy_(source)


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
    """Keep torch's optimizers from importing ``torch._dynamo``, which takes as long as torch.

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
