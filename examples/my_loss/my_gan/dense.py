"""Two dense networks for small images; both know the labels."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from gan_zoo.types import CriticOutput


class Generator(nn.Module):
    """Images in [-1, 1] from a latent beside the embedding of a label."""

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        num_classes: int,
        latent_dim: int = 16,
        width: int = 128,
    ):
        super().__init__()
        self.latent_dim = latent_dim  # gan_zoo draws latents of this size
        self.image_shape = tuple(image_shape)
        self.embedding = nn.Embedding(num_classes, latent_dim)
        self.layers = nn.Sequential(
            nn.Linear(2 * latent_dim, width), nn.ReLU(),
            nn.Linear(width, width), nn.ReLU(),
            nn.Linear(width, math.prod(image_shape)), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        inputs = torch.cat([z, self.embedding(labels)], dim=1)
        images: Tensor = self.layers(inputs)
        return images.unflatten(1, self.image_shape)


class Discriminator(nn.Module):
    """A raw score and class logits: no sigmoid, no softmax."""

    def __init__(self, *, image_shape: Sequence[int], num_classes: int, width: int = 128):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Flatten(),
            nn.Linear(math.prod(image_shape), width), nn.LeakyReLU(0.2),
            nn.Linear(width, width), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.score_head = nn.Linear(width, 1)
        self.class_head = nn.Linear(width, num_classes)

    def forward(self, images: Tensor) -> CriticOutput:
        features = self.trunk(images)
        return CriticOutput(self.score_head(features).squeeze(1), self.class_head(features))

    def adversarial_parameters(self) -> Iterator[nn.Parameter]:
        """What the score depends on; weight clipping and its like act on these."""
        yield from self.trunk.parameters()
        yield from self.score_head.parameters()
