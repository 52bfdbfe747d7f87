"""Optimizers without torch's compiler, whose import takes about as long as torch's own."""

import inspect
import sys
from typing import Any

import torch
from torch.optim import Optimizer


def without_compiler() -> None:
    """Keep torch's optimizers from importing ``torch._dynamo`` where nothing is compiled.

    Making an optimizer and its every step import the compiler to tell it where to stop. There is no
    public way around that, so methods are replaced by what they wrap: their work is the same. Where
    another version of torch wraps them otherwise, the compiler is imported as usual.
    """
    if "torch._dynamo" in sys.modules:
        return
    for name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
        method: Any = inspect.unwrap(getattr(Optimizer, name))
        method.__dynamo_disable = method  # what torch._disable_dynamo would put there, and calls
    for kind in vars(torch.optim).values():
        if isinstance(kind, type) and issubclass(kind, Optimizer) and "step" in vars(kind):
            step: Any = vars(kind)["step"]
            if hasattr(step, "__wrapped__"):
                kind.step = _step(step.__wrapped__)  # type: ignore[method-assign]


def _step(plain: Any) -> Any:
    """A class's step with gradients off, unless it is to be differentiated."""

    def step(self: Optimizer, *arguments: Any, **named: Any) -> Any:
        with torch.set_grad_enabled(bool(self.defaults.get("differentiable", False))):
            return plain(self, *arguments, **named)

    return step
