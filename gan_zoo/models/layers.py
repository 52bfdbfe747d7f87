"""Layers with Keras's ``same`` padding, and the exact fast form of upsample-then-convolve."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

# Row p, column k of _PHASE[d]: output pixel 2i+p of "upsample x2 (nearest), convolve 5x5" reads
# input pixel i+d-1 through kernel tap k.  floor((p + k - 2) / 2) = d - 1, written out.
_PHASE = torch.tensor(
    [
        [[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]],
        [[1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1]],
    ],
    dtype=torch.float32,
)


MOST_DROPOUT = 0.999  # what is kept is told in 16 bits


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's ``same`` padding: output size ``ceil(input size / stride)``.

    Where the padding is odd, the extra row and column stand below and to the right.

    Shapes: (N, C_in, H, W) -> (N, C_out, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1):
        super().__init__(in_channels, out_channels, kernel_size, stride)

    def forward(self, input: Tensor) -> Tensor:
        top, bottom = self._padding(input.shape[-2], 0)
        left, right = self._padding(input.shape[-1], 1)
        if top == bottom and left == right:  # no copy of the input needed
            return functional.conv2d(input, self.weight, self.bias, self.stride, (top, left))
        padded = functional.pad(input, (left, right, top, bottom))
        return functional.conv2d(padded, self.weight, self.bias, self.stride)

    def _padding(self, size: int, dim: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[dim], self.stride[dim]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


class UpsampleConv2d(nn.Module):
    """Nearest-neighbour upsampling x2, then a 5x5 ``same`` convolution, in 36/100 of the work.

    Each of the four output phases (even/odd row x even/odd column) sees every input pixel through
    sums of neighbouring kernel taps, so the pair equals four 3x3 convolutions of the *small* image,
    interleaved.  The parameters are those of the plain 5x5 convolution; values and gradients agree
    with the plain form to rounding, borders included.

    Shapes: (N, C_in, H, W) -> (N, C_out, 2H, 2W).
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        plain = nn.Conv2d(in_channels, out_channels, 5)
        self.weight, self.bias = plain.weight, plain.bias
        self.register_buffer("_phase", _PHASE.clone(), persistent=False)
        self._phase: Tensor

    def forward(self, input: Tensor) -> Tensor:
        phase = self._phase.to(self.weight.dtype)
        kernel = torch.einsum("pak,qbl,oikl->opqiab", phase, phase, self.weight)
        kernel = kernel.reshape(-1, self.weight.shape[1], 3, 3)
        assert self.bias is not None
        bias = self.bias.repeat_interleave(4)
        return functional.pixel_shuffle(functional.conv2d(input, kernel, bias, padding=1), 2)


class LeakyDropout(nn.Module):
    """LeakyReLU followed by dropout, as one product: ``y = x * m``, m in {0, 1, slope} / (1 - p).

    Both layers are piecewise linear, so their composition is the input times a factor that holds
    no gradient; one saved tensor serves the backward and the double backward pass.  The keep
    decision compares 16 random bits with (1 - p) * 2^16: p is rounded to a multiple of 2^-16 (the
    scale follows the rounded value), and one 64-bit draw serves four elements, which is several
    times faster than a Bernoulli draw for each.

    Args:
        slope: factor of negative inputs.
        p: probability that an element is zeroed in training.

    Raises:
        ValueError: slope is negative or not finite, or p is not in [0, 0.999].
    """

    def __init__(self, slope: float, p: float):
        super().__init__()
        if not 0 <= slope < math.inf:
            raise ValueError(f"leaky_slope is {slope}; allowed: 0 (ReLU) or more")
        if not 0 <= p <= MOST_DROPOUT:
            raise ValueError(f"dropout is {p}; allowed: from 0 (off) to {MOST_DROPOUT}")
        self.slope = slope
        self.kept = round((1 - p) * 2**16)  # of 2^16

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.kept == 2**16:
            return functional.leaky_relu(input, self.slope)
        with torch.no_grad():
            scale = 2**16 / self.kept
            # in-place arithmetic: torch.where on two numbers takes three times as long on a CPU
            factor = (input > 0).to(input.dtype).mul_(scale * (1 - self.slope))
            factor.add_(scale * self.slope).mul_(_random_int16(input) < self.kept - 2**15)
        return input * factor

    def extra_repr(self) -> str:
        return f"slope={self.slope}, p={1 - self.kept / 2**16:.4f}"


def _random_int16(like: Tensor) -> Tensor:
    """Uniform 16-bit integers in the shape of ``like``, from the global stream of its device."""
    words = torch.empty((like.numel() + 3) // 4, dtype=torch.int64, device=like.device)
    words.random_(-(2**63), None)
    return words.view(torch.int16)[: like.numel()].view(like.shape)
