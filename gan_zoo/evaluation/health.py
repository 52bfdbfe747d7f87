"""Health checks beside the losses: collapse of the generator, slope of the critic."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.fixed_latents import evaluating
from gan_zoo.models.discriminator import scores_of_copies

CONSTANT = 0.01  # of the real data's spread, below which samples count as all the same
PAIRS = 200  # of a real and a generated sample, for the Lipschitz estimate


class Collapse(NamedTuple):
    """A sign of collapse: of the ``spread`` or of the ``classes``, with its value."""

    quantity: str
    value: float

    def __str__(self) -> str:
        if self.quantity == "spread":
            return f"all samples are the same: their spread is {self.value:.2g} of the real data's"
        return "all samples are of one class, whatever class is requested"


def collapses(fake: Tensor, real: Tensor, predicted: Tensor | None) -> list[Collapse]:
    """Return the signs of collapse in samples; an empty list for healthy ones.

    The spread is the largest standard deviation of any pixel or coordinate. Data that are a single
    point (the Dirac-GAN's) have no spread to lose.

    Args:
        fake: (N, ...) samples of all classes.
        real: (M, ...) of the same shape.
        predicted: (N,) classes of the samples according to a classifier, if there is one.
    """
    found = []
    of_fake, of_real = _spread(fake), _spread(real)
    if of_fake < CONSTANT * of_real:
        found.append(Collapse("spread", of_fake / of_real))
    if predicted is not None and len(predicted.unique()) == 1:
        found.append(Collapse("classes", 1.0))
    return found


def _spread(samples: Tensor) -> float:
    return samples.flatten(1).double().std(0, correction=0).max().item()


def critic_lipschitz(discriminator: nn.Module, real: Tensor, fake: Tensor) -> float:
    """Return the largest gradient norm of the score between real and generated samples.

    max_i ||grad D(x_i)||, x_i = e_i real_i + (1 - e_i) fake_i, e_i ~ U(0, 1): a lower bound of the
    critic's Lipschitz constant (in score units per unit of Euclidean distance between images in
    [-1, 1]), in evaluation mode, so without dropout. WGAN-GP pulls it towards 1.

    Args:
        discriminator: whose scores are differentiated.
        real, fake: (N, ...) samples; the first 200 pairs are used.
    """
    count = min(PAIRS, len(real), len(fake))
    rng = stream(0, "points for the Lipschitz estimate")  # the same points on every device
    share = torch.rand(count, *[1] * (real.ndim - 1), generator=rng).to(real.device)
    points = (share * real[:count] + (1 - share) * fake[:count]).detach()
    with evaluating(discriminator), torch.enable_grad():
        points.requires_grad_()
        scores = scores_of_copies(discriminator, points).float()
        (gradients,) = torch.autograd.grad(scores.sum(), points)
    return float(gradients.flatten(1).norm(dim=1).max())
