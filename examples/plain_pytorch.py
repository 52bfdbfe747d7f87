"""A loss and a penalty of gan_zoo in a training loop that knows nothing else of it.

``python examples/plain_pytorch.py`` learns eight Gaussians on a ring with two dense networks and
R3GAN's objective, the relativistic loss with the R1 and R2 penalties, and prints how many of the
eight it finds: in seconds, on a CPU.
"""

import math

import torch
from torch import nn

from gan_zoo.losses.relativistic import RsGan
from gan_zoo.regularizers.gradient_penalties import R1R2
from gan_zoo.types import Batch, CriticOutput, CriticStep

STEPS, BATCH, STD = 1500, 128, 0.1


def ring(count: int) -> torch.Tensor:
    """Points of eight Gaussians at angles 2 pi k / 8 on the unit circle."""
    angles = torch.randint(8, (count,)) * (2 * math.pi / 8)
    return torch.stack([angles.cos(), angles.sin()], 1) + STD * torch.randn(count, 2)


def dense(inputs: int, outputs: int) -> nn.Sequential:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, 128), nn.LeakyReLU(0.2),
        nn.Linear(128, 128), nn.LeakyReLU(0.2),
        nn.Linear(128, outputs),
    )  # fmt: skip


class Critic(nn.Module):
    """A penalty calls the critic for scores (N,) in a ``CriticOutput``; this one has no classes."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = dense(2, 1)

    def forward(self, points: torch.Tensor) -> CriticOutput:
        """Raw scores: the last layer is linear."""
        return CriticOutput(self.layers(points).squeeze(1), points.new_zeros(len(points), 0))


def main() -> None:
    """Train, and count the modes that hold at least half of their share of 8,000 samples."""
    torch.manual_seed(0)
    generator, critic = dense(8, 2), Critic()
    loss, regularizer = RsGan(), R1R2(gamma=0.5)
    optimizers = [torch.optim.Adam(n.parameters(), 1e-3, (0.0, 0.9)) for n in (critic, generator)]
    rng = torch.Generator().manual_seed(0)  # penalties that draw, draw from this
    labels = torch.zeros(BATCH, dtype=torch.int64)
    for _ in range(STEPS):
        real = ring(BATCH).requires_grad_()  # R1 and R2 differentiate by the samples
        fake = generator(torch.randn(BATCH, 8)).detach().requires_grad_()
        scores = [critic(real).scores, critic(fake).scores]
        step = CriticStep(Batch(real, labels), Batch(fake, labels), *scores, rng)
        optimizers[0].zero_grad()
        (loss.discriminator(*scores) + regularizer.penalty(critic, step)).backward()
        optimizers[0].step()

        fakes = critic(generator(torch.randn(BATCH, 8))).scores
        reals = critic(ring(BATCH)).scores.detach()  # a relativistic loss compares with these
        optimizers[1].zero_grad()
        loss.generator(fakes, reals).backward()
        optimizers[1].step()

    with torch.no_grad():
        samples = generator(torch.randn(8000, 8))
    angles = torch.arange(8) * (2 * math.pi / 8)
    centres = torch.stack([angles.cos(), angles.sin()], 1)
    distances, nearest = torch.cdist(samples, centres).min(1)
    good = distances < 3 * STD
    found = nearest[good].bincount(minlength=8)
    print(f"{int((found > 500).sum())} of 8 modes, {good.float().mean():.0%} of samples near one")


if __name__ == "__main__":
    main()
