"""Gratings of 16 x 16 pixels in three directions, whose phase is random."""

import math

import torch

from gan_zoo.data.splits import hold_out
from gan_zoo.interfaces import Dataset, Split
from gan_zoo.seeding import stream

SIDE, PERIOD = 16, 8  # pixels
ANGLES = (0.0, math.pi / 4, math.pi / 2)  # of classes 0, 1, 2: upright, slanting, lying


def load_stripes(seed: int = 0, samples: int = 6000) -> Dataset:
    """Bytes 127.5 (1 + cos(2 pi (x cos a + y sin a) / 8 + phase)) with phase ~ U(0, 2 pi).

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
        images = 127.5 * (1 + (2 * math.pi * place / PERIOD + phase).cos())
        return Split(images.round().to(torch.uint8)[:, None], labels)

    return hold_out("stripes", len(ANGLES), draw(samples, "train"), draw(samples // 6, "test"))
