"""Stacked MNIST in the eyes of the digit classifier: each channel is a digit of its own."""

import torch
from torch import Tensor, nn

from gan_zoo.evaluation.features.cnn import Features
from gan_zoo.evaluation.features.extractor import SHIPPED, FeatureNetwork, load_cnn

STACKED = "stackedmnistcnn"
MODES = 1000  # of ``metrics.modes.label_modes``


class StackedDigits(nn.Module):
    """A classifier of digits applied to each of three channels, its outputs side by side."""

    def __init__(self, digits: nn.Module) -> None:
        super().__init__()
        self.digits = digits

    def forward(self, images: Tensor) -> Features:
        """Features (N, 3 d) and logits (N, 30) of (N, 3, H, W) images, channel after channel."""
        features, logits = self.digits(images.flatten(0, 1).unsqueeze(1))
        return Features(features.reshape(len(images), -1), logits.reshape(len(images), -1))


def load_stacked_extractor(device: torch.device | str = "cpu") -> FeatureNetwork:
    """The shipped MNIST classifier on three channels, under its own checksum.

    Raises:
        WeightsError: the classifier's file is missing or is not the pinned one.
    """
    pinned = SHIPPED["mnistcnn"]
    network = StackedDigits(load_cnn("mnistcnn"))
    shape = (3, pinned.size, pinned.size)
    return FeatureNetwork(STACKED, pinned.sha256, network, image_shape=shape, device=device)


def stacked_modes(logits: Tensor) -> Tensor:
    """(N,) int64 modes 100 a + 10 b + c from the (N, 30) logits of ``load_stacked_extractor``.

    Raises:
        ValueError: logits of another shape.
    """
    if logits.ndim != 2 or logits.shape[1] != 30:
        raise ValueError(
            f"logits have shape {tuple(logits.shape)}; allowed: (N, 30), of the stacked extractor"
        )
    a, b, c = logits.reshape(-1, 3, 10).argmax(2).unbind(1)
    return 100 * a + 10 * b + c
