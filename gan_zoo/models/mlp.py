"""Small fully connected networks for points in the plane and on the line."""

import math
from collections.abc import Callable, Iterator, Sequence

from torch import Tensor, nn

from gan_zoo.models.layers import check_instance_noise, check_norm, with_instance_noise
from gan_zoo.models.packing import pack, packed_shape, unpack
from gan_zoo.types import CriticOutput

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU, "tanh": nn.Tanh, "leaky_relu": lambda: nn.LeakyReLU(0.2),
}  # fmt: skip


class Generator(nn.Module):
    """Samples from a latent alone: ``G(z, c) = W_L a(... a(W_1 z + b_1) ...) + b_L``.

    The label is taken, as the contract wants, and ignored: the testbeds ask which modes a method
    finds by itself.  The output is unbounded.

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
            raise ValueError(f"latent_dim is {latent_dim}; allowed: 1 or more")
        self.latent_dim = latent_dim
        self.sample_shape = tuple(image_shape)
        self.trunk = _trunk(latent_dim, hidden, activation)
        self.out = nn.Linear(hidden[-1], math.prod(image_shape))
        _initialise(self)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        samples: Tensor = self.out(self.trunk(z))
        return samples.unflatten(1, self.sample_shape)


class Discriminator(nn.Module):
    """Score and class logits of a point: hidden layers and two linear heads.

    Args:
        image_shape: shape of one sample, (D,) for points.
        num_classes: number of labels K.
        hidden: widths of the hidden layers.
        activation: ``relu``, ``tanh`` or ``leaky_relu`` (slope 0.2).
        norm: ``none``, or ``spectral``: divide every weight but the class head's by its largest
            singular value (Miyato et al. 2018, arXiv 1802.05957), one power iteration a forward
            pass.
        packing: samples that are scored together, see ``models.packing``; a batch in training must
            be a multiple of it.
        instance_noise: standard deviation of normal noise on every image in training, real or fake,
            in D's and in G's step (Sonderby et al. 2017, arXiv 1610.04490).

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
        super().__init__()
        self.packing = packing
        self.instance_noise = check_instance_noise(instance_noise)
        self.trunk = _trunk(math.prod(packed_shape(image_shape, packing)), hidden, activation)
        self.score_head = nn.Linear(hidden[-1], 1)
        self.class_head = nn.Linear(hidden[-1], packing * num_classes)
        _initialise(self)
        check_norm("discriminator", norm, ("none", "spectral"))
        if norm == "spectral":
            for module in [*self.trunk, self.score_head]:
                if isinstance(module, nn.Linear):
                    nn.utils.parametrizations.spectral_norm(module)

    def forward(self, images: Tensor) -> CriticOutput:
        noisy = with_instance_noise(images, self.instance_noise, training=self.training)
        features = self.trunk(pack(noisy, self.packing, training=self.training).flatten(1))
        scores, class_logits = self.score_head(features).squeeze(1), self.class_head(features)
        return unpack(scores, class_logits, self.packing, len(images))

    def adversarial_parameters(self) -> Iterator[nn.Parameter]:
        """The parameters that the score depends on: trunk and score head, not the class head."""
        yield from self.trunk.parameters()
        yield from self.score_head.parameters()


def _trunk(inputs: int, hidden: Sequence[int], activation: str) -> nn.Sequential:
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation is {activation!r}; allowed: {', '.join(ACTIVATIONS)}")
    if not hidden or min(hidden) < 1:
        raise ValueError(
            f"hidden is {list(hidden)}; allowed: one or more widths of 1 or more, as [64, 64]"
        )
    layers: list[nn.Module] = []
    for size in hidden:
        layers += [nn.Linear(inputs, size), ACTIVATIONS[activation]()]
        inputs = size
    return nn.Sequential(*layers)


def _initialise(network: nn.Module) -> None:
    """Glorot-uniform weights and zero biases, as in the other models."""
    for part in network.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
