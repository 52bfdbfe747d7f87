"""The network and loop of the widely copied ACGAN script of PyTorch-GAN, from its parameters.

Written from what it publishes: 32x32 images, batch 64, latent 100, Adam(2e-4, 0.5, 0.999); G with
two upsamplings, 3x3 convolutions and batch norm; D with four strided blocks of LeakyReLU(0.2),
Dropout2d(0.25) and batch norm; sigmoid and softmax outputs; real and fake batches on their own.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, cross_entropy

BATCH, LATENT, SIDE = 64, 100, 32


class Generator(nn.Module):
    """Label embedding times latent, to an image."""

    def __init__(self) -> None:
        super().__init__()
        self.latent_dim = LATENT
        self.embedding = nn.Embedding(10, LATENT)
        self.dense = nn.Linear(LATENT, 128 * (SIDE // 4) ** 2)
        self.layers = nn.Sequential(
            nn.BatchNorm2d(128),
            nn.Upsample(scale_factor=2), nn.Conv2d(128, 128, 3, padding=1),
            nn.BatchNorm2d(128, 0.8), nn.LeakyReLU(0.2, inplace=True),
            nn.Upsample(scale_factor=2), nn.Conv2d(128, 64, 3, padding=1),
            nn.BatchNorm2d(64, 0.8), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(64, 1, 3, padding=1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        hidden = self.dense(z * self.embedding(labels))
        return self.layers(hidden.view(-1, 128, SIDE // 4, SIDE // 4))


class Trunk(nn.Module):
    """D without its outputs: score and class logits."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for number, count in enumerate((16, 32, 64, 128)):
            layers += [
                nn.Conv2d(channels, count, 3, 2, 1),
                nn.LeakyReLU(0.2, inplace=True),
                nn.Dropout2d(0.25),
            ]
            if number:
                layers.append(nn.BatchNorm2d(count, 0.8))
            channels = count
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.score = nn.Linear(128 * (SIDE // 16) ** 2, 1)
        self.classes = nn.Linear(128 * (SIDE // 16) ** 2, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.layers(images)
        return self.score(hidden).squeeze(1), self.classes(hidden)


class Script:
    """G's step, then D's on a real and on a fake batch, as the script has them."""

    def __init__(self, images: Tensor, labels: Tensor):
        self.images, self.labels = images, labels
        self.generator, self.discriminator = Generator(), Trunk()
        self.optimizer_g, self.optimizer_d = (
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for network in (self.generator, self.discriminator)
        )

    def step(self) -> None:
        """G's and D's update; G's samples serve both."""
        chosen = torch.randint(len(self.images), (BATCH,))
        ones, zeros = torch.ones(BATCH), torch.zeros(BATCH)
        labels = torch.randint(10, (BATCH,))
        self.optimizer_g.zero_grad()
        fakes = self.generator(torch.randn(BATCH, LATENT), labels)
        self._loss(fakes, ones, labels).backward()
        self.optimizer_g.step()
        self.optimizer_d.zero_grad()
        real = self._loss(self.images[chosen], ones, self.labels[chosen])
        ((real + self._loss(fakes.detach(), zeros, labels)) / 2).backward()
        self.optimizer_d.step()

    def _loss(self, images: Tensor, truth: Tensor, labels: Tensor) -> Tensor:
        score, logits = self.discriminator(images)
        return (binary_cross_entropy(score.sigmoid(), truth) + cross_entropy(logits, labels)) / 2
