"""Small fully connected networks for points in the plane and on the line."""

import math
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from gan_zoo.models.discriminator import PackedDiscriminator
from gan_zoo.models.layers import check_norm

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU, "tanh": nn.Tanh, "leaky_relu": lambda: nn.LeakyReLU(0.2),
}  # fmt: skip


class Generator(nn.Module):
    """Generate samples from a latent alone: ``G(z, c) = W_L a(... a(W_1 z + b_1) ...) + b_L``.

    The label is ignored: the experiments ask which modes a method finds by itself.  The output is
    unbounded.

    Args:
        image_shape: shape of one sample, (D,) for points.
        num_classes: number of labels; ignored.
        latent_dim: size of z.
        hidden: widths of the hidden layers.
        activation: ``relu``, ``tanh`` or ``leaky_relu`` (slope 0.2).

    Shapes: z (N, latent_dim), labels (N,) int64 -> (N, *image_shape).

    Raises:
        ValueError: an unknown activation, no hidden layer, or a width or latent_dim below 1.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        num_classes: int,
        latent_dim: int = 2,
        hidden: Sequence[int] = (128, 128),
        activation: str = "relu",
    ):
        super().__init__()
        if latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1, got {latent_dim}")
        self.latent_dim = latent_dim
        self.sample_shape = tuple(image_shape)
        self.trunk = _trunk(latent_dim, hidden, activation)
        self.out = nn.Linear(hidden[-1], math.prod(image_shape))
        _initialise(self)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        samples: Tensor = self.out(self.trunk(z))
        return samples.unflatten(1, self.sample_shape)


class Discriminator(PackedDiscriminator):
    """Score a point and classify it: hidden layers and two linear heads.

    Args:
        image_shape: shape of one sample, (D,) for points.
        num_classes: number of labels K.
        hidden: widths of the hidden layers.
        activation: ``relu``, ``tanh`` or ``leaky_relu`` (slope 0.2).
        norm: ``none``, or ``spectral``: divide every weight but the class head's by its largest
            singular value (Miyato et al. 2018, arXiv 1802.05957).
        packing, instance_noise: see ``PackedDiscriminator``.

    Shapes: images (N, *image_shape) -> scores (N,) unbounded, class_logits (N, K).

    Raises:
        ValueError: an unknown activation, no hidden layer, or a width below 1.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        num_classes: int,
        hidden: Sequence[int] = (128, 128),
        activation: str = "leaky_relu",
        norm: str = "none",
        packing: int = 1,
        instance_noise: float = 0.0,
    ):
        super().__init__(packing, instance_noise)
        check_norm("discriminator", norm, ("none", "spectral"))
        self.trunk = _trunk(math.prod(self.packed_shape(image_shape)), hidden, activation)
        self.score_head = nn.Linear(hidden[-1], 1)
        self.class_head = nn.Linear(hidden[-1], packing * num_classes)
        _initialise(self)
        if norm == "spectral":
            self.divide_by_singular_values()

    def heads(self, packs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the score and class logits of each pack."""
        features = self.trunk(packs.flatten(1))
        return self.score_head(features).squeeze(1), self.class_head(features)


def _trunk(inputs: int, hidden: Sequence[int], activation: str) -> nn.Sequential:
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    if not hidden or min(hidden) < 1:
        raise ValueError(
            f"hidden must be one or more widths of at least 1, such as [64, 64], got {list(hidden)}"
        )
    layers: list[nn.Module] = []
    for size in hidden:
        layers += [nn.Linear(inputs, size), ACTIVATIONS[activation]()]
        inputs = size
    return nn.Sequential(*layers)


def _initialise(network: nn.Module) -> None:
    """Initialise with Glorot-uniform weights and zero biases, as in the other models."""
    for part in network.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
