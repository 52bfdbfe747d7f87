"""bf16 autocast's numbers on processors without bf16 units, from float32 arithmetic.

Units for bf16 multiply 16-bit factors, add in float32 and round the sum once.  Rounding the factors
and the result of float32 products to bf16, forwards and backwards, makes errors of the same size
(``python -m benchmarks.rounding`` compares with torch's own bf16, which takes ten times as long).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from gan_zoo.models import layers

PRODUCTS = (functional.conv2d, functional.linear)  # what autocast turns into bf16
FOLLOWING = (Tensor.mul, torch.tanh, Tensor.add)  # what keeps its input's type


class _Rounded(torch.autograd.Function):
    """Round to bf16, and the gradient too; the numbers stay in float32's format."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.bfloat16().float()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad.bfloat16().float()


class Rounding(TorchFunctionMode):
    """Within it, products and what follows them give what they would give in bf16."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: Sequence[Any] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        options = options or {}
        if function in PRODUCTS:
            arguments = [_Rounded.apply(a) if isinstance(a, Tensor) else a for a in arguments]
        output = function(*arguments, **options)
        differentiable = isinstance(output, Tensor) and output.dtype == torch.float32
        if function is Tensor.mul_ and differentiable:  # others hold this very tensor
            output.data.copy_(output.data.bfloat16())
            return output
        if function in PRODUCTS or (function in FOLLOWING and differentiable):
            return _Rounded.apply(output)
        return output


def round_in_training(network: nn.Module) -> None:
    """Make a network compute in training as ``trainer.precision=bf16`` does."""
    forward = network.forward

    def rounded(*inputs: Tensor) -> Any:
        if not network.training:
            return forward(*inputs)
        with Rounding():
            return forward(*inputs)

    for module in network.modules():
        if isinstance(module, layers.UpsampleConv2d):
            module.forward = _phases(module)  # type: ignore[method-assign]
    network.forward = rounded  # type: ignore[method-assign]


def _phases(layer: layers.UpsampleConv2d) -> Callable[[Tensor], Tensor]:
    """The form that bf16 takes in training; evaluations keep theirs."""
    usual = layer.forward

    def forward(images: Tensor) -> Tensor:
        if not layer.training:
            return usual(images)
        return layers.upsample_conv_by_phases(images, layer.weight, layer.bias)

    return forward


def main() -> None:
    """How far a generator's and a critic's gradients in real and emulated bf16 are from fp32's."""
    found = gradients()
    for pair in (("bf16", "fp32"), ("emulated", "fp32"), ("emulated", "bf16")):
        print(f"gradients, {pair[0]} against {pair[1]}: relative distance {far(found, *pair):.2e}")


def far(found: Mapping[str, Tensor], a: str, b: str) -> float:
    """Norm of the difference over fp32's."""
    return float((found[a] - found[b]).norm() / found["fp32"].norm())


def gradients() -> dict[str, Tensor]:
    """Of all parameters, weights, latents and dropout being the same, in each arithmetic."""
    from gan_zoo.models.acgan import Discriminator, Generator
    from gan_zoo.training.precision import Execution, prepare

    shape = {"image_shape": (1, 28, 28), "num_classes": 10}
    found = {}
    for name in ("fp32", "bf16", "emulated"):
        torch.manual_seed(0)
        networks = (
            Generator(**shape, width=0.0625),
            Discriminator(**shape, width=0.0625),
        )
        for network in networks:
            network.to(memory_format=torch.channels_last)
            if name == "bf16":
                bf16 = Execution("bf16", "channels_last")
                prepare(network, bf16, twice_differentiated=False)
            if name == "emulated":
                round_in_training(network)
        z, labels = torch.rand(50, 100), torch.arange(50) % 10
        scores, logits = networks[1](networks[0](z, labels))
        loss = functional.softplus(scores).mean() + functional.cross_entropy(logits, labels)
        loss.backward()
        found[name] = torch.cat([p.grad.flatten() for n in networks for p in n.parameters()])
    return found


if __name__ == "__main__":
    main()
