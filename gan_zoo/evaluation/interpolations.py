"""Pictures of a generator's latent space: between latents, across labels, nearest real images."""

import torch
from torch import Tensor, nn

from gan_zoo.data.devices import measuring_device
from gan_zoo.evaluation.fixed_latents import FixedLatents, evaluating
from gan_zoo.evaluation.reference import Reference

STEPS = 10  # columns of an interpolation
ROWS = 10  # classes or latents at most
NEIGHBOURS = 5  # training images beside a sample


def interpolate(generator: nn.Module, latents: FixedLatents, classes: int) -> Tensor:
    """Return ``STEPS`` images on a straight line between two latents, a row for each class."""
    rows = min(classes, ROWS)
    share = torch.linspace(0, 1, STEPS, device=latents.z.device)[None, :, None]
    start, end = latents.z[:rows, None], latents.z[rows : 2 * rows, None]
    z = (start + share * (end - start)).flatten(0, 1)
    labels = torch.arange(rows, device=z.device).repeat_interleave(STEPS)
    with evaluating(generator):
        return generator(z, labels)


def vary_class(generator: nn.Module, latents: FixedLatents, classes: int) -> Tensor:
    """Return images of ``ROWS`` latents, each with the first classes: a column for each class."""
    columns = min(classes, ROWS)
    z = latents.z[:ROWS].repeat_interleave(columns, dim=0)
    labels = torch.arange(columns, device=z.device).repeat(len(z) // columns)
    with evaluating(generator):
        return generator(z, labels)


def nearest_training_images(
    generator: nn.Module, latents: FixedLatents, classes: int, reference: Reference
) -> Tensor:
    """Return rows of a sample, an empty place, and its nearest training images by features."""
    count = min(classes, ROWS)
    with evaluating(generator):
        images = generator(latents.z[:count], torch.arange(count, device=latents.z.device))
    images = images.to(measuring_device(images.device))
    features = reference.embed(images, None).features.features
    distances = torch.cdist(features.double(), reference.features("train").features.double())
    if distances.shape[1] < NEIGHBOURS:
        raise ValueError(
            f"there must be at least {NEIGHBOURS} training images, got {distances.shape[1]}"
        )
    chosen = distances.topk(NEIGHBOURS, largest=False).indices
    training = reference.train_images(chosen.flatten()).unflatten(0, chosen.shape)
    gap = images.new_ones(images.shape)
    return torch.cat([images[:, None], gap[:, None], training], 1).flatten(0, 1)
