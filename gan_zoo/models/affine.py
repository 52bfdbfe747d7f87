"""Models of one or two parameters, whose training has closed forms."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gan_zoo.models.discriminator import PackedDiscriminator


class AffineGenerator(nn.Module):
    """Q = N(mu, sigma^2): ``G(z, c) = mu + sigma * z`` with z ~ N(0, 1), elementwise.

    On the line these are two parameters.  sigma is free in sign: -sigma is the same Q.

    Args:
        image_shape: shape of one sample, (1,) on the line.
        num_classes: number of labels; ignored.
        mu, sigma: initial values.

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
            raise ValueError(f"generator.sigma must be finite and above 0, got {sigma}")
        if not math.isfinite(mu):
            raise ValueError(f"generator.mu must be finite, got {mu}")
        self.latent_dim = math.prod(image_shape)
        self.mu = nn.Parameter(torch.full(tuple(image_shape), mu))
        self.sigma = nn.Parameter(torch.full(tuple(image_shape), sigma))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.mu + self.sigma * z.unflatten(1, self.mu.shape)


class DiracGenerator(nn.Module):
    """Q = the point theta: ``G(z, c) = theta`` for any z and c.

    Args:
        image_shape: shape of one sample, (1,) on the line.
        num_classes: number of labels; ignored.
        theta: initial value.

    Shapes: z (N, 1), labels (N,) int64 -> (N, *image_shape).

    Raises:
        ValueError: theta is not finite.

    Source: Mescheder, Geiger, Nowozin 2018 (arXiv 1801.04406), definition 2.1.
    """

    def __init__(self, *, image_shape: Sequence[int], num_classes: int, theta: float = 1.0):
        super().__init__()
        if not math.isfinite(theta):
            raise ValueError(f"generator.theta must be finite, got {theta}")
        self.latent_dim = 1
        self.theta = nn.Parameter(torch.full(tuple(image_shape), theta))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.theta.expand(z.shape[0], *self.theta.shape)


class LineGenerator(nn.Module):
    """Q = the line at distance theta from the real one: ``G(z, c) = (theta, z)``, z ~ U(0, 1).

    In D dimensions z has D - 1, and the line is a hyperplane.

    Args:
        image_shape: shape of one sample, (2,) in the plane.
        num_classes: number of labels; ignored.
        theta: where training starts.

    Shapes: z (N, prod(image_shape) - 1), labels (N,) int64 -> (N, *image_shape).

    Raises:
        ValueError: theta is not finite, or samples have one dimension only.

    Source: example 1 of Arjovsky, Chintala, Bottou 2017 (arXiv 1701.07875).
    """

    def __init__(self, *, image_shape: Sequence[int], num_classes: int, theta: float = 1.0):
        super().__init__()
        if not math.isfinite(theta):
            raise ValueError(f"generator.theta is {theta}; allowed: a finite number")
        self.sample_shape = tuple(image_shape)
        self.latent_dim = math.prod(image_shape) - 1
        if self.latent_dim < 1:
            raise ValueError(
                f"a line needs two dimensions, got samples of shape {self.sample_shape}:"
                " use data=parallel_lines"
            )
        self.theta = nn.Parameter(torch.tensor(float(theta)))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return torch.cat([self.theta.expand(z.shape[0], 1), z], 1).unflatten(1, self.sample_shape)


class DiracDiscriminator(PackedDiscriminator):
    """The linear critic ``D(x) = psi x`` without a bias; it does not classify.

    Args:
        image_shape: shape of one sample, (1,) on the line.
        num_classes: number of labels K.
        psi: initial value.
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
        super().__init__(instance_noise=instance_noise)
        if not math.isfinite(psi):
            raise ValueError(f"discriminator.psi must be finite, got {psi}")
        self.num_classes = num_classes
        self.psi = nn.Parameter(torch.full(tuple(image_shape), psi))

    def heads(self, packs: Tensor) -> tuple[Tensor, Tensor]:
        """Return psi x and zeros."""
        scores = (packs * self.psi).flatten(1).sum(1)
        return scores, scores.new_zeros(len(packs), self.num_classes)
