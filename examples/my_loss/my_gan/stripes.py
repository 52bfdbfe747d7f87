"""Gratings of 16 x 16 pixels in three directions, of random phase, with a little noise."""

import math

import torch

from gan_zoo.data.dataset import hold_out
from gan_zoo.data.random_streams import stream
from gan_zoo.types import Dataset, Split

SIDE, PERIOD = 16, 8  # pixels
ANGLES = (0.0, math.pi / 4, math.pi / 2)  # of classes 0, 1, 2: upright, slanting, lying


def load_stripes(seed: int = 0, samples: int = 6000) -> Dataset:
    """Bytes 127.5 + 100 cos(2 pi (x cos a + y sin a) / 8 + phase) + 6 n: phase ~ U(0, 2 pi), n ~ N.

    Without the noise, thousands of images would hold the same bytes twice.

    Args:
        seed: of phases and labels, apart from the run's seed.
        samples: training and validation images together; a sixth as many more are the test part.
    """

    def draw(count: int, part: str) -> Split:
        rng = stream(seed, f"stripes/{part}")
        labels = torch.randint(len(ANGLES), (count,), generator=rng)
        phase = 2 * math.pi * torch.rand(count, 1, 1, generator=rng)
        angle = torch.tensor(ANGLES)[labels, None, None]
        x, y = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="xy")
        place = x * angle.cos() + y * angle.sin()
        wave = (2 * math.pi * place / PERIOD + phase).cos()
        images = 127.5 + 100 * wave + 6 * torch.randn(wave.shape, generator=rng)
        return Split(images.round().clamp(0, 255).to(torch.uint8)[:, None], labels)

    return hold_out("stripes", len(ANGLES), draw(samples, "train"), draw(samples // 6, "test"))
