"""The networks as eager PyTorch is usually written, and their training: the form to compare with.

Torch's own layers in order, its default Adam, ``AveragedModel``, and a loop of two steps.  No
trick, and nothing that a careful user would not write either: the fakes of D's step have no graph.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


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


class InfoGenerator(nn.Module):
    """G(z, c) of ``gan_zoo.models.infogan``, layer by layer."""

    def __init__(self, width: float = 0.25):
        super().__init__()
        dense, first, second = (round(size * width) for size in (1024, 128, 64))
        self.layers = nn.Sequential(
            nn.Linear(110, dense, bias=False), nn.BatchNorm1d(dense), nn.ReLU(),
            nn.Linear(dense, first * 49, bias=False), nn.BatchNorm1d(first * 49), nn.ReLU(),
            nn.Unflatten(1, (first, 7, 7)),
            nn.ConvTranspose2d(first, second, 4, 2, 1, bias=False), nn.BatchNorm2d(second),
            nn.ReLU(), nn.ConvTranspose2d(second, 1, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.layers(torch.cat([z, one_hot(labels, 10).to(z.dtype)], 1))


class InfoDiscriminator(nn.Module):
    """D of ``gan_zoo.models.infogan``, layer by layer."""

    def __init__(self, width: float = 0.25):
        super().__init__()
        first, second, dense = (round(size * width) for size in (64, 128, 1024))
        self.trunk = nn.Sequential(
            nn.Conv2d(1, first, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(first, second, 4, 2, 1), nn.GroupNorm(1, second, affine=False),
            nn.LeakyReLU(0.2), nn.Flatten(),
            nn.Linear(second * 49, dense), nn.LayerNorm(dense, elementwise_affine=False),
            nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.score = nn.Linear(dense, 1)
        self.classes = nn.Linear(dense, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.trunk(images)
        return self.score(hidden).squeeze(1), self.classes(hidden)


class Training:
    """One iteration at a time: D on a mixed batch, then G.

    Args:
        images: all training images, float in [-1, 1].
        labels: their classes.
        networks: G and D.
        batch: real images, and as many fakes, of D's step.
        generator_batch: latents of G's step.
        ema_decay: of a moving average of G's weights; None: no average.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        *,
        networks: tuple[nn.Module, nn.Module],
        batch: int,
        generator_batch: int,
        ema_decay: float | None = None,
    ):
        self.images, self.labels = images, labels
        self.batch, self.generator_batch = batch, generator_batch
        self.generator, self.discriminator = networks
        self.optimizer_g, self.optimizer_d = (
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for network in networks
        )
        self.average = (
            None
            if ema_decay is None
            else AveragedModel(self.generator, multi_avg_fn=get_ema_multi_avg_fn(ema_decay))
        )

    def step(self) -> None:
        """D's and G's update."""
        device = self.images.device
        chosen = torch.randint(len(self.images), (self.batch,), device=device)
        z, fake_labels = self._draw(self.batch)
        with torch.no_grad():
            fakes = self.generator(z, fake_labels)
        scores, logits = self.discriminator(torch.cat([self.images[chosen], fakes]))
        truth = torch.ones(2 * self.batch, device=device)
        truth[self.batch :] = 0
        labels = torch.cat([self.labels[chosen], fake_labels])
        loss = binary_cross_entropy_with_logits(scores, truth) + cross_entropy(logits, labels)
        self.optimizer_d.zero_grad()
        loss.backward()
        self.optimizer_d.step()

        z, labels = self._draw(self.generator_batch)
        scores, logits = self.discriminator(self.generator(z, labels))
        truth = torch.ones(self.generator_batch, device=device)
        loss = binary_cross_entropy_with_logits(scores, truth) + cross_entropy(logits, labels)
        self.optimizer_g.zero_grad()
        loss.backward()
        self.optimizer_g.step()
        if self.average is not None:
            self.average.update_parameters(self.generator)

    def _draw(self, count: int) -> tuple[Tensor, Tensor]:
        device = self.images.device
        z = torch.rand(count, 100, device=device) * 2 - 1
        return z, torch.randint(10, (count,), device=device)
