"""What a generator's space looks like: between latents, across labels, beside training images."""

import torch
from torch import Tensor, nn

from gan_zoo.evaluation.fixed_latents import Bank, measuring
from gan_zoo.evaluation.reference import Reference

STEPS = 10  # columns of an interpolation
ROWS = 10  # classes or latents at most
NEIGHBOURS = 5  # training images beside a sample


def interpolation(generator: nn.Module, bank: Bank, classes: int) -> Tensor:
    """For each class a straight line between two latents, ``STEPS`` images to a row."""
    rows = min(classes, ROWS)
    share = torch.linspace(0, 1, STEPS, device=bank.z.device)[None, :, None]
    start, end = bank.z[:rows, None], bank.z[rows : 2 * rows, None]
    z = (start + share * (end - start)).flatten(0, 1)
    labels = torch.arange(rows, device=z.device).repeat_interleave(STEPS)
    with measuring(generator):
        return generator(z, labels)


def class_walk(generator: nn.Module, bank: Bank, classes: int) -> Tensor:
    """``ROWS`` latents, each through the first classes: one image a class to a row."""
    columns = min(classes, ROWS)
    z = bank.z[:ROWS].repeat_interleave(columns, dim=0)
    labels = torch.arange(columns, device=z.device).repeat(len(z) // columns)
    with measuring(generator):
        return generator(z, labels)


def nearest_training_images(
    generator: nn.Module, bank: Bank, classes: int, reference: Reference
) -> Tensor:
    """A sample of each class, an empty place, and its nearest training images in feature space."""
    count = min(classes, ROWS)
    with measuring(generator):
        images = generator(bank.z[:count], torch.arange(count, device=bank.z.device))
    features = reference.seen(images, None).features.features
    distances = torch.cdist(features.double(), reference.features("train").features.double())
    if distances.shape[1] < NEIGHBOURS:
        raise ValueError(f"there are {distances.shape[1]} training images; it shows {NEIGHBOURS}")
    chosen = distances.topk(NEIGHBOURS, largest=False).indices
    training = reference.train_images(chosen.flatten()).unflatten(0, chosen.shape)
    gap = images.new_ones(images.shape)
    return torch.cat([images[:, None], gap[:, None], training], 1).flatten(0, 1)
