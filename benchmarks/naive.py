"""The source document's AC-GAN as eager PyTorch is usually written: the form to be compared with.

Torch's own layers in the order in which the Keras example names them, its default Adam, and a loop
of two steps.  No trick, and nothing that a careful user would not write either: the fakes of D's
step have no graph.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy


class Generator(nn.Module):
    """G(z, c) of ``gan_zoo.models.acgan``, layer by layer."""

    def __init__(self, width: float = 1.0):
        super().__init__()
        dense, first, second = (round(size * width) for size in (1024, 256, 128))
        self.embedding = nn.Embedding(10, 100)
        self.layers = nn.Sequential(
            nn.Linear(100, dense), nn.ReLU(),
            nn.Linear(dense, second * 49), nn.ReLU(),
            nn.Unflatten(1, (second, 7, 7)),
            nn.Upsample(scale_factor=2), nn.Conv2d(second, first, 5, padding=2), nn.ReLU(),
            nn.Upsample(scale_factor=2), nn.Conv2d(first, second, 5, padding=2), nn.ReLU(),
            nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(second, 1, 2), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.layers(z * self.embedding(labels))


class Discriminator(nn.Module):
    """D of ``gan_zoo.models.acgan``, layer by layer: strides (2, 1, 1, 1)."""

    def __init__(self, width: float = 1.0):
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for filters, stride in ((32, 2), (64, 1), (128, 1), (256, 1)):
            count = round(filters * width)
            layers += [
                nn.Conv2d(channels, count, 3, stride, padding=1),
                nn.LeakyReLU(0.3),
                nn.Dropout(0.3),
            ]
            channels = count
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.score = nn.Linear(channels * 14 * 14, 1)
        self.classes = nn.Linear(channels * 14 * 14, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.trunk(images)
        return self.score(hidden).squeeze(1), self.classes(hidden)


class Training:
    """One iteration at a time: D on a mixed batch, then G.

    Args:
        images: all training images, float in [-1, 1].
        labels: their classes.
        width: multiplies every hidden width.
        batch: real images, and as many fakes, of D's step.
        generator_batch: latents of G's step.
    """

    def __init__(
        self, images: Tensor, labels: Tensor, *, width: float, batch: int, generator_batch: int
    ):
        self.images, self.labels = images, labels
        self.batch, self.generator_batch = batch, generator_batch
        self.generator, self.discriminator = Generator(width), Discriminator(width)
        self.optimizer_g, self.optimizer_d = (
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for network in (self.generator, self.discriminator)
        )

    def step(self) -> None:
        """D's and G's update."""
        chosen = torch.randint(len(self.images), (self.batch,))
        z, fake_labels = self._draw(self.batch)
        with torch.no_grad():
            fakes = self.generator(z, fake_labels)
        scores, logits = self.discriminator(torch.cat([self.images[chosen], fakes]))
        truth = torch.cat([torch.ones(self.batch), torch.zeros(self.batch)])
        labels = torch.cat([self.labels[chosen], fake_labels])
        loss = binary_cross_entropy_with_logits(scores, truth) + cross_entropy(logits, labels)
        self.optimizer_d.zero_grad()
        loss.backward()
        self.optimizer_d.step()

        z, labels = self._draw(self.generator_batch)
        scores, logits = self.discriminator(self.generator(z, labels))
        truth = torch.ones(self.generator_batch)
        loss = binary_cross_entropy_with_logits(scores, truth) + cross_entropy(logits, labels)
        self.optimizer_g.zero_grad()
        loss.backward()
        self.optimizer_g.step()

    def _draw(self, count: int) -> tuple[Tensor, Tensor]:
        return torch.rand(count, 100) * 2 - 1, torch.randint(10, (count,))
