"""Layers with Keras's ``same`` padding, and exact fast forms of the models' layers."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_weight

MAX_DROPOUT = 0.999  # the keep probability has 16 bits


def scaled(size: int, width: float) -> int:
    """Return a layer's size at a width, at least 1.

    Raises:
        ValueError: the width is not a positive number.
    """
    if not 0 < width < math.inf:
        raise ValueError(f"width must be above 0, got {width} (1 is the published network)")
    return max(1, round(size * width))


def check_norm(network: str, norm: str, allowed: Sequence[str]) -> None:
    """Check the name of a normalization.

    Raises:
        ValueError: it is not one of those allowed.
    """
    if norm not in allowed:
        raise ValueError(f"{network}.norm must be one of {', '.join(allowed)}, got {norm!r}")


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's ``same`` padding: output size ``ceil(input size / stride)``.

    Where the padding is odd, the extra row and column are at the bottom and the right.

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


class QuadConv2d(SameConv2d):
    """A 2x2 ``same`` convolution with few outputs: one product for each tap, shifted and summed.

    Convolutions with one or three outputs leave a processor's vectors empty.  Four outputs for each
    one, of a single pixel's channels, are a matrix product, followed by adding four small maps.

    Shapes: (N, C_in, H, W) -> (N, C_out, H, W).
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, kernel_size=2)

    def forward(self, input: Tensor) -> Tensor:
        taps = self.weight.permute(2, 3, 0, 1).reshape(-1, self.in_channels, 1, 1)
        maps = functional.pad(functional.conv2d(input, taps), (0, 1, 0, 1))
        here, right, below, across = maps.unflatten(1, (4, -1)).unbind(1)
        assert self.bias is not None
        above = here[:, :, :-1, :-1] + right[:, :, :-1, 1:] + self.bias.view(-1, 1, 1)
        return above + below[:, :, 1:, :-1] + across[:, :, 1:, 1:]


class ImageConv2d(nn.Conv2d):
    """A 4x4 convolution of stride 2 and padding 1 of images, which have few channels.

    The gradient of an image is a transposed convolution with one or three outputs, for which CPU
    libraries have no fast code: it takes the form of ``ImageConvTranspose2d``.  Parameters, values
    and derivatives of any order are those of ``nn.Conv2d``, to rounding.

    Shapes: (N, C_in, H, W) -> (N, C_out, H / 2, W / 2); H and W even.
    """

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = True):
        super().__init__(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        if not _fast(input):
            return super().forward(input)
        halved: Tensor = _Halve.apply(input, self.weight, self.bias)
        return halved


class ImageConvTranspose2d(nn.ConvTranspose2d):
    """A 4x4 transposed convolution of stride 2 and padding 1 to images, which have few channels.

    On a CPU it is a matrix product for each pixel, whose 4x4 patches are added up: several times as
    fast as the plain form, which computes eight or sixteen channels and drops most.  Parameters,
    values and derivatives of any order are those of ``nn.ConvTranspose2d``, to rounding.

    Shapes: (N, C_in, H, W) -> (N, C_out, 2 H, 2 W).
    """

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = True):
        super().__init__(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        if output_size is not None or not _fast(input):
            return super().forward(input, output_size)
        doubled: Tensor = _Double.apply(input, self.weight)
        return doubled if self.bias is None else doubled.add_(self.bias.view(-1, 1, 1))


def _fast(input: Tensor) -> bool:
    """Whether another form than the plain one pays: not where torch compiles or exports."""
    return input.device.type == "cpu" and not torch.compiler.is_compiling()


class _Halve(torch.autograd.Function):
    """The convolution; in float32 under autocast too, since 16-bit units gain nothing here."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(images, weight)
        return functional.conv2d(images, weight, bias, stride=2, padding=1)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        images, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            _Double.apply(grad, weight) if wanted[0] else None,
            conv2d_weight(images, weight.shape, grad, 2, 1) if wanted[1] else None,
            grad.sum((0, 2, 3)) if wanted[2] else None,
        )


class _Double(torch.autograd.Function):
    """The transpose of ``_Halve`` without a bias."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]
    def forward(ctx: Any, maps: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(maps, weight)
        taps = weight.flatten(1).t().expand(len(maps), -1, -1)
        patches = torch.bmm(taps, maps.flatten(2))
        size = (2 * maps.shape[2], 2 * maps.shape[3])
        return functional.fold(patches, size, kernel_size=4, padding=1, stride=2)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        maps, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            _Halve.apply(grad, weight, None) if wanted[0] else None,
            conv2d_weight(grad, weight.shape, maps, 2, 1) if wanted[1] else None,
        )


class UpsampleConv2d(nn.Module):
    """Nearest-neighbour upsampling x2, then a 5x5 ``same`` convolution, in 25/100 of the work.

    Along one side, with taps w_0 ... w_4 and d_i = x_i - x_(i-1), zeros outside the image:

        y_2i           = (w_0 + w_1) x_(i-1) + (w_2 + w_3) x_i + w_4 x_(i+1)
        y_2i+1 - y_2i  = w_1 d_i + w_3 d_(i+1)

    five products for two outputs instead of ten; along both sides, 25 for four outputs instead of
    100.  So the pair is a 3x3 convolution of the *small* image, a 3x2, a 2x3 and a 2x2 one of its
    differences, added and interleaved.  Where 16-bit numbers would lose the differences, or where
    one large convolution is faster than four small ones (not a CPU), it is four 3x3 convolutions
    of the small image at once: 36/100. ``by_phases`` selects that form, which other programs than
    torch have operators for.

    The parameters are those of the plain 5x5 convolution; values and gradients agree with the plain
    form to rounding, borders included.

    Shapes: (N, C_in, H, W) -> (N, C_out, 2H, 2W).
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        plain = nn.Conv2d(in_channels, out_channels, 5)
        self.weight, self.bias = plain.weight, plain.bias
        self.by_phases = False

    def forward(self, input: Tensor) -> Tensor:
        assert self.bias is not None
        exact = input.dtype in (torch.float32, torch.float64) and not self.by_phases
        if exact and input.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
            return upsample_conv_by_differences(input, self.weight, self.bias)
        return upsample_conv_by_phases(input, self.weight, self.bias)


def upsample_conv_by_phases(input: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Compute each phase (even/odd row x even/odd column) of the output as a 3x3 convolution."""
    rows = (_even(weight, 2), _odd(weight, 2))
    kernels = [phase(row, 3) for row in rows for phase in (_even, _odd)]
    kernel = torch.stack(kernels, dim=1).flatten(0, 1)
    phases = functional.conv2d(input, kernel, bias.repeat_interleave(4), padding=1)
    return functional.pixel_shuffle(phases, 2)


def upsample_conv_by_differences(input: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the image from its even phase and the differences of the odd phases from it."""
    even, step = _even(weight, 2), _step(weight, 2)
    down, across = _Difference.apply(input, 2), _Difference.apply(input, 3)
    return _Interleave.apply(
        functional.conv2d(input, _even(even, 3), bias, padding=1),
        functional.conv2d(across, _step(even, 3), padding=(1, 0)),
        functional.conv2d(down, _even(step, 3), padding=(0, 1)),
        functional.conv2d(_Difference.apply(down, 3), _step(step, 3)),
    )


def _even(weight: Tensor, dim: int) -> Tensor:
    """Taps of y_2i on x_(i-1), x_i, x_(i+1)."""
    first, second, third, fourth, fifth = weight.unbind(dim)
    return torch.stack((first + second, third + fourth, fifth), dim)


def _odd(weight: Tensor, dim: int) -> Tensor:
    """Taps of y_2i+1 on x_(i-1), x_i, x_(i+1)."""
    first, second, third, fourth, fifth = weight.unbind(dim)
    return torch.stack((first, second + third, fourth + fifth), dim)


def _step(weight: Tensor, dim: int) -> Tensor:
    """Taps of y_2i+1 - y_2i on d_i, d_(i+1)."""
    _, second, _, fourth, _ = weight.unbind(dim)
    return torch.stack((second, fourth), dim)


class _Difference(torch.autograd.Function):
    """x_i - x_(i-1) for i = 0 ... n along a dimension, zeros outside; in one pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: int) -> Tensor:
        ctx.dim, size = dim, x.shape[dim]
        shape = [length + (at == dim) for at, length in enumerate(x.shape)]
        out = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=_format(x))
        out.narrow(dim, 0, 1).copy_(x.narrow(dim, 0, 1))
        inner = out.narrow(dim, 1, size - 1)
        torch.sub(x.narrow(dim, 1, size - 1), x.narrow(dim, 0, size - 1), out=inner)
        torch.neg(x.narrow(dim, size - 1, 1), out=out.narrow(dim, size, 1))
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        size = grad.shape[ctx.dim] - 1
        return grad.narrow(ctx.dim, 0, size) - grad.narrow(ctx.dim, 1, size), None


class _Interleave(torch.autograd.Function):
    """The image with phases a, a + b, a + c, a + b + c + d: (even, odd) rows x (even, odd) columns.

    Sums are written in place; stacking them first would take two passes more.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
        count, channels, height, width = a.shape
        shape = (count, channels, 2 * height, 2 * width)
        out = torch.empty(shape, dtype=a.dtype, device=a.device, memory_format=_format(a))
        out[:, :, ::2, ::2] = a
        torch.add(a, b, out=out[:, :, ::2, 1::2])
        torch.add(a, c, out=out[:, :, 1::2, ::2])
        torch.add(a + b, c + d, out=out[:, :, 1::2, 1::2])
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        upper, lower = grad[:, :, ::2], grad[:, :, 1::2]
        d = lower[:, :, :, 1::2].contiguous(memory_format=_format(grad))
        b, c = upper[:, :, :, 1::2] + d, lower[:, :, :, ::2] + d
        return upper[:, :, :, ::2] + lower[:, :, :, ::2] + b, b, c, d


def _format(image: Tensor) -> torch.memory_format:
    channels_last = image.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if channels_last else torch.contiguous_format


class LeakyDropout(nn.Module):
    """LeakyReLU followed by dropout, as one product: ``y = x * m``, m in {0, 1, slope} / (1 - p).

    Both layers are piecewise linear, so their composition is the input times a factor that holds
    no gradient; one saved tensor serves the backward and the double backward pass.  The keep
    decision compares 16 random bits with (1 - p) * 2^16: p is rounded to a multiple of 2^-16 (the
    scale follows the rounded value), and one 64-bit draw serves four elements, which is several
    times faster than a Bernoulli draw for each on a CPU; other devices take torch's own layers.

    Args:
        slope: factor of negative inputs.
        p: probability that an element is zeroed in training.
        inplace: write the result over the input, which nothing else may need.

    Raises:
        ValueError: slope is negative or not finite, or p is not in [0, 0.999].
    """

    def __init__(self, slope: float, p: float, inplace: bool = False):
        super().__init__()
        if not 0 <= slope < math.inf:
            raise ValueError(f"leaky_slope must be finite and at least 0 (ReLU), got {slope}")
        if not 0 <= p <= MAX_DROPOUT:
            raise ValueError(f"dropout must be from 0 (off) to {MAX_DROPOUT}, got {p}")
        self.slope, self.inplace = slope, inplace
        self.kept = round((1 - p) * 2**16)  # of 2^16
        self.p = 1 - self.kept / 2**16

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.kept == 2**16:
            return functional.leaky_relu(input, self.slope)
        if input.device.type != "cpu":  # a draw for each element costs a GPU nothing
            return functional.dropout(functional.leaky_relu(input, self.slope), self.p)
        with torch.no_grad():
            factor = self._factor(input)
        return input.mul_(factor) if self.inplace else input * factor

    def extra_repr(self) -> str:
        return f"slope={self.slope}, p={self.p:.4f}"

    def _factor(self, input: Tensor) -> Tensor:
        """Return m in the memory layout of the input, drawn from the CPU's global stream."""
        scale = 2**16 / self.kept
        # no temporary booleans: converting them to floats takes longer than all the rest
        factor = torch.gt(input, 0, out=torch.empty_like(input))
        factor.mul_(scale * (1 - self.slope)).add_(scale * self.slope)
        words = torch.empty((factor.numel() + 3) // 4, dtype=torch.int64, device=input.device)
        bits = words.random_(-(2**63), None).view(torch.int16)[: factor.numel()]
        kept = bits.lt_(self.kept - 2**15).as_strided(factor.shape, factor.stride())
        return factor.mul_(torch.empty_like(factor).copy_(kept))
