"""Stacked MNIST: three random digits as the channels of an image, 1,000 modes to cover."""

import torch

from gan_zoo.data.mnist import load_mnist
from gan_zoo.data.random_streams import stream
from gan_zoo.types import Dataset, Split

MAX_SAMPLES = 1_000_000  # 2.4 GB
HELD_OUT = 10_000  # images of the validation and of the test part


def load_stacked_mnist(samples: int = 128_000, seed: int = 0, root: str | None = None) -> Dataset:
    """Load stacked MNIST as bytes (N, 3, 28, 28), all of one class: the task is unconditional.

    Each part stacks digits of the same part of MNIST, so that no test digit is in the training
    part. Modes are not labels, since a generator that gets the mode as an input cannot miss it;
    ``features.cnn.stacked_modes`` recognises them.

    Args:
        samples: training images, 2,352 bytes each; validation and test part have 10,000 each.
        seed: of the choice of digits, independent of the run's seed.
        root: of MNIST's files, as for ``load_mnist``.

    Raises:
        ValueError: If ``samples`` or ``seed`` is out of range.
        DataError: If MNIST's files are missing or damaged.

    Source: Metz et al. 2017 (unrolled GAN, arXiv 1611.02163); 128,000 images as in PacGAN (Lin et
    al. 2018, arXiv 1712.04086). Deviation: those papers hold out no digits.
    """
    if not 1 <= samples <= MAX_SAMPLES:
        raise ValueError(f"data.samples must be from 1 to {MAX_SAMPLES}, got {samples}")
    if seed < 0:
        raise ValueError(f"data.seed must be at least 0, got {seed}")
    digits = load_mnist(root)

    def part(source: Split, count: int, name: str) -> Split:
        stacked = stack_digits(source, count, stream(seed, f"stacked_mnist/{name}"))
        return Split(stacked.images, torch.zeros_like(stacked.labels))

    return Dataset(
        name="stacked_mnist",
        num_classes=1,
        train=part(digits.train, samples, "train"),
        validation=part(digits.validation, HELD_OUT, "validation"),
        test=part(digits.test, HELD_OUT, "test"),
    )


def stack_digits(digits: Split, count: int, rng: torch.Generator) -> Split:
    """Return stacks of three digits drawn independently and with replacement.

    Args:
        digits: images (M, 1, H, W) and their classes, 0 to 9.
        count: of stacks.
        rng: on the CPU, as the digits are.

    Returns:
        Images (count, 3, H, W), and as labels the modes 100 a + 10 b + c of digits a, b, c.
    """
    drawn = torch.randint(len(digits.labels), (count, 3), generator=rng)
    modes = digits.labels[drawn] @ torch.tensor([100, 10, 1])
    return Split(digits.images[:, 0][drawn], modes)
