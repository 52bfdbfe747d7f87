"""A small convolutional classifier whose penultimate layer is the space of the metrics."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

FEATURES = 64  # enough for 99.5% on MNIST; FID's small-sample bias grows with the square of it
SMALLEST = 16  # pixels a side, needed by two poolings
STACKED_MODES = 1000  # of stacked MNIST


class Features(NamedTuple):
    """What a feature network returns for N images."""

    features: Tensor  # (N, d) penultimate activations, float32
    logits: Tensor  # (N, K)


class MaxPool(nn.Module):
    """The maximum of each 2×2 pixels, as ``nn.MaxPool2d(2)`` in an eighth of its time.

    Values are identical. Gradients are too, except where pixels tie: there they are shared.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H // 2, W // 2)."""
        height, width = (size // 2 * 2 for size in images.shape[2:])
        rows = torch.maximum(images[:, :, 0:height:2, :width], images[:, :, 1:height:2, :width])
        return torch.maximum(rows[..., 0::2], rows[..., 1::2])


class FeatureCNN(nn.Module):
    """LeNet-like: two 5×5 convolutions, each with ReLU and 2×2 max pooling, then two dense layers.

    The features use a leaky ReLU: with a plain one, a fifth of them were zero for every image.

    Args:
        channels: of the images.
        size: their height and width, at least ``SMALLEST``.
        num_classes: K.
        dropout: of the features, in training only.

    Source: after LeNet-5 (LeCun et al., 1998, section II.B). Deviations: rectifiers for tanh, max
    pooling for trained averages, one hidden dense layer, no partial connections.
    """

    def __init__(
        self, channels: int = 1, size: int = 28, num_classes: int = 10, dropout: float = 0.3
    ) -> None:
        super().__init__()
        if size < SMALLEST:
            raise ValueError(f"size must be at least {SMALLEST} for two poolings, got {size}")
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, 24, 5),
            nn.ReLU(),
            MaxPool(),
            nn.Conv2d(24, 48, 5),
            nn.ReLU(),
            MaxPool(),
            nn.Flatten(),
        )
        side = ((size - 4) // 2 - 4) // 2
        self.hidden = nn.Sequential(nn.Linear(48 * side * side, FEATURES), nn.LeakyReLU(0.1))
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(FEATURES, num_classes)

    def forward(self, images: Tensor) -> Features:
        """Return features and logits of (N, channels, size, size) images in [-1, 1]."""
        features = self.hidden(self.convolutions(images))
        return Features(features, self.classes(self.dropout(features)))


class StackedDigits(nn.Module):
    """A classifier of digits applied to each of three channels, its outputs concatenated."""

    def __init__(self, digits: nn.Module) -> None:
        super().__init__()
        self.digits = digits

    def forward(self, images: Tensor) -> Features:
        """Return features (N, 3 d) and logits (N, 30) of (N, 3, H, W) images, by channel."""
        features, logits = self.digits(images.flatten(0, 1).unsqueeze(1))
        return Features(features.reshape(len(images), -1), logits.reshape(len(images), -1))


def stacked_modes(logits: Tensor) -> Tensor:
    """Return (N,) int64 modes 100 a + 10 b + c from (N, 30) logits of ``StackedDigits``.

    Raises:
        ValueError: If the logits have another shape.
    """
    if logits.ndim != 2 or logits.shape[1] != 30:
        raise ValueError(
            "logits must have shape (N, 30), as of the network stackedmnistcnn, got"
            f" {tuple(logits.shape)}"
        )
    a, b, c = logits.reshape(-1, 3, 10).argmax(2).unbind(1)
    return 100 * a + 10 * b + c
