"""How much arithmetic an iteration needs, and how much of it a second this machine does."""

import statistics
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from benchmarks.timing import seconds_of

# Multiplications that a 5x5 convolution after upsampling needs for each output: plain, with taps
# of equal inputs folded (four 3x3 convolutions of the small image), from differences of neighbours.
TAPS = {"plain": 25.0, "folded": 9.0, "differences": 6.25}
# (batch, channels in, channels out, side) of 3x3 convolutions: the largest of the AC-GAN.
SHAPES = [(100, 128, 1024, 7), (100, 256, 512, 14), (200, 128, 256, 14), (100, 256, 256, 28)]


class Convolution(NamedTuple):
    """A 3x3 convolution of an image batch."""

    images: Tensor
    weight: Tensor

    @property
    def gflop(self) -> float:
        """2 x multiplications, in 10^9."""
        return 2 * self.images.numel() * self.weight.shape[0] * 9 / 1e9

    def seconds(self) -> float:
        """Of one forward pass."""
        with torch.no_grad():
            return seconds_of(lambda: conv2d(self.images, self.weight, padding=1))


def gflop_per_iteration(form: str, batch: int = 100, generator_batch: int = 200) -> float:
    """2 x multiplications of the full-width AC-GAN's D and G step, in 10^9.

    A backward pass costs a forward pass for the weights' gradients and one for the inputs'.  D's
    first layer needs no input gradient in D's step; D's weights need none in G's.
    """
    taps = TAPS[form]
    g = 100 * 1024 + 1024 * 6272 + taps * (14**2 * 256 * 128 + 28**2 * 128 * 256) + 4 * 784 * 128
    first = 9 * 196 * 32
    d = first + 9 * 196 * (64 * 32 + 128 * 64 + 256 * 128) + 11 * 196 * 256
    d_step = batch * g + 2 * batch * (3 * d - first)
    g_step = generator_batch * (3 * g + 2 * d)
    return 2 * (d_step + g_step) / 1e9


def fastest_convolution(dtype: torch.dtype = torch.float32, repeats: int = 5) -> Convolution:
    """torch's convolution of the AC-GAN's shape and memory format with the best median rate."""
    rates = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        for batch, inputs, outputs, side in SHAPES:
            x = torch.randn(batch, inputs, side, side, dtype=dtype)
            w = torch.randn(outputs, inputs, 3, 3, dtype=dtype)
            case = Convolution(*(t.contiguous(memory_format=memory_format) for t in (x, w)))
            case.seconds()
            rates.append(
                (case.gflop / statistics.median(case.seconds() for _ in range(repeats)), case)
            )
    return max(rates, key=lambda rated: rated[0])[1]
