"""What tells how training goes, beside the losses: comparable between objectives."""

import torch
from torch import Tensor, nn

from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.fixed_latents import measuring
from gan_zoo.models.discriminator import scores_of_copies

SAMPLES = 200  # points between real and generated ones


def critic_lipschitz(discriminator: nn.Module, real: Tensor, fake: Tensor) -> float:
    """The largest gradient norm of the score found between real and generated samples.

    max_i ||grad D(x_i)||, x_i = e_i real_i + (1 - e_i) fake_i, e_i ~ U(0, 1): a lower bound of the
    critic's Lipschitz constant (in score units per unit of Euclidean distance between images in
    [-1, 1]), in evaluation mode, so without dropout.  WGAN-GP pulls it towards 1.

    Args:
        discriminator: whose scores are differentiated.
        real, fake: (N, ...) samples; the first 200 pairs are used.
    """
    count = min(SAMPLES, len(real), len(fake))
    rng = stream(0, "points for the Lipschitz estimate", real.device)
    share = torch.rand(count, *[1] * (real.ndim - 1), generator=rng, device=real.device)
    points = (share * real[:count] + (1 - share) * fake[:count]).detach()
    with measuring(discriminator), torch.enable_grad():
        points.requires_grad_()
        scores = scores_of_copies(discriminator, points).float()
        (gradients,) = torch.autograd.grad(scores.sum(), points)
    return float(gradients.flatten(1).norm(dim=1).max())
