"""How a feature network is trained."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from gan_zoo.evaluation.features.cnn import FeatureCNN
from gan_zoo.types import Batch

LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4
ROTATION = 10.0  # degrees, to either side
SCALE = 0.1  # relative
SHIFT = 1.5  # pixels

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


def augment(images: Tensor, rng: torch.Generator) -> Tensor:
    """Turn, scale and shift each image a little and at random, bilinearly; outside is background.

    Angles within ±10 degrees, scales within ±10%, shifts within ±1.5 pixels, all uniform.

    Args:
        images: (N, C, H, W) in [-1, 1], background -1.
        rng: on the images' device.
    """
    noise = torch.empty(4, len(images), device=images.device).uniform_(-1, 1, generator=rng)
    angle = noise[0] * math.radians(ROTATION)
    scale = 1 + noise[1] * SCALE
    shift = noise[2:] * (2 * SHIFT / images.shape[-1])  # the grid's coordinates span 2
    cosine, sine = angle.cos() * scale, angle.sin() * scale
    rows = [torch.stack([cosine, -sine, shift[0]], 1), torch.stack([sine, cosine, shift[1]], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    # grid_sample pads with 0: shift the background there and back
    return F.grid_sample(images + 1, grid, align_corners=False) - 1


def mirror(images: Tensor, rng: torch.Generator) -> Tensor:
    """Each image as it is or, as often, its mirror image, left and right exchanged.

    Args:
        images: (N, C, H, W).
        rng: on the images' device.
    """
    mirrored = torch.rand(len(images), generator=rng, device=images.device) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


@torch.no_grad()
def accuracy(network: FeatureCNN, data: Batch) -> float:
    """The share of samples whose most likely class is their label; sets the evaluation mode."""
    network.eval()
    correct = 0
    for start in range(0, len(data.labels), 1000):
        part = slice(start, start + 1000)
        predicted = network(data.images[part]).logits.argmax(1)
        correct += int((predicted == data.labels[part]).sum())
    return correct / len(data.labels)


def fit(
    network: FeatureCNN,
    next_batch: Callable[[], Batch],
    steps_per_epoch: int,
    validation: Batch,
    epochs: int,
    rng: torch.Generator,
    report: Callable[[str], None],
    augmentation: Augmentation = augment,
) -> None:
    """Train ``network`` in place; it ends as it was after its best epoch on ``validation``.

    Cross-entropy of augmented images, AdamW, learning rate 2e-3 falling to 0 along half a cosine.

    Args:
        next_batch: gives a batch of training samples at each call.
        rng: draws the augmentation; dropout draws from torch's global stream, to be seeded outside.
        report: gets a line after each epoch.
        augmentation: changes a batch of training images at random; ``augment`` suits characters,
            ``mirror`` things.
    """
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps_per_epoch)
    best, best_state = -1.0, network.state_dict()
    for epoch in range(1, epochs + 1):
        network.train()
        for _ in range(steps_per_epoch):
            batch = next_batch()
            logits = network(augmentation(batch.images, rng)).logits
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(logits, batch.labels))
            optimizer.step()
            schedule.step()
        share = accuracy(network, validation)
        report(f"epoch {epoch}/{epochs}: validation accuracy {share:.4f}")
        if share > best:
            best = share
            best_state = {key: value.clone() for key, value in network.state_dict().items()}
    network.load_state_dict(best_state)
