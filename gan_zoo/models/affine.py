"""Models of one or two numbers, whose training can be followed on paper."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from gan_zoo.models.layers import check_instance_noise, with_instance_noise
from gan_zoo.types import CriticOutput


class AffineGenerator(nn.Module):
    """Q = N(mu, sigma^2): ``G(z, c) = mu + sigma * z`` with z ~ N(0, 1), elementwise.

    On the line these are two parameters.  sigma is free in sign: -sigma is the same Q.

    Args:
        image_shape: shape of one sample, (1,) on the line.
        num_classes: number of labels; ignored.
        mu, sigma: where training starts.

    Shapes: z (N, prod(image_shape)), labels (N,) int64 -> (N, *image_shape).

    Raises:
        ValueError: sigma is not positive, or a value is not finite.

    Source: Nowozin, Cseke, Tomioka 2016 (arXiv 1606.00709), section 2.4.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        num_classes: int,
        mu: float = 0.0,
        sigma: float = 1.0,
    ):
        super().__init__()
        if not 0 < sigma < math.inf:
            raise ValueError(f"generator.sigma is {sigma}; allowed: more than 0")
        if not math.isfinite(mu):
            raise ValueError(f"generator.mu is {mu}; allowed: a finite number")
        self.latent_dim = math.prod(image_shape)
        self.mu = nn.Parameter(torch.full(tuple(image_shape), mu))
        self.sigma = nn.Parameter(torch.full(tuple(image_shape), sigma))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.mu + self.sigma * z.unflatten(1, self.mu.shape)


class DiracGenerator(nn.Module):
    """Q = the point theta: ``G(z, c) = theta``, whatever z and c are.

    Args:
        image_shape: shape of one sample, (1,) on the line.
        num_classes: number of labels; ignored.
        theta: where training starts.

    Shapes: z (N, 1), labels (N,) int64 -> (N, *image_shape).

    Raises:
        ValueError: theta is not finite.

    Source: Mescheder, Geiger, Nowozin 2018 (arXiv 1801.04406), definition 2.1.
    """

    def __init__(self, *, image_shape: Sequence[int], num_classes: int, theta: float = 1.0):
        super().__init__()
        if not math.isfinite(theta):
            raise ValueError(f"generator.theta is {theta}; allowed: a finite number")
        self.latent_dim = 1
        self.theta = nn.Parameter(torch.full(tuple(image_shape), theta))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.theta.expand(len(z), *self.theta.shape)


class DiracDiscriminator(nn.Module):
    """The linear critic ``D(x) = psi x`` without a bias; it tells no classes apart.

    Args:
        image_shape: shape of one sample, (1,) on the line.
        num_classes: number of labels K.
        psi: where training starts.
        instance_noise: standard deviation of normal noise on every sample in training.

    Shapes: images (N, *image_shape) -> scores (N,) unbounded, class_logits (N, K), all 0.

    Raises:
        ValueError: psi is not finite.

    Source: Mescheder, Geiger, Nowozin 2018 (arXiv 1801.04406), definition 2.1.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        num_classes: int,
        psi: float = 1.0,
        instance_noise: float = 0.0,
    ):
        super().__init__()
        self.instance_noise = check_instance_noise(instance_noise)
        if not math.isfinite(psi):
            raise ValueError(f"discriminator.psi is {psi}; allowed: a finite number")
        self.num_classes = num_classes
        self.psi = nn.Parameter(torch.full(tuple(image_shape), psi))

    def forward(self, images: Tensor) -> CriticOutput:
        noisy = with_instance_noise(images, self.instance_noise, training=self.training)
        scores = (noisy * self.psi).flatten(1).sum(1)
        return CriticOutput(scores, scores.new_zeros(len(images), self.num_classes))

    def adversarial_parameters(self) -> Iterator[nn.Parameter]:
        """psi."""
        yield self.psi
