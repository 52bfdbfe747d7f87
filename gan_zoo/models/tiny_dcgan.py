"""A small DCGAN for 28x28 images, which a CPU trains in minutes."""

from collections.abc import Iterator, Sequence

from torch import Tensor, nn

from gan_zoo.models.layers import check_norm, scaled
from gan_zoo.types import CriticOutput

NORMS = ("batch", "none")
DEVIATION = 0.02  # standard deviation of the initial weights


class Generator(nn.Module):
    """Generate images from a latent alone: four 3x3 transposed convolutions of stride 2.

    32, 16 and 8 channels, 3, 7 and 14 pixels wide, each followed by batch norm and ReLU, then the
    image and tanh. The label is ignored: stacked MNIST counts the modes found without labels.

    Args:
        image_shape: (channels, 28, 28).
        num_classes: number of labels; ignored.
        latent_dim: size of z.
        width: multiplies every number of channels.
        norm: ``batch`` or ``none``.

    Shapes: z (N, latent_dim), labels (N,) int64 -> (N, channels, 28, 28) in (-1, 1).

    Raises:
        ValueError: images of another size, or an option outside its range.

    Source: the experiment on stacked MNIST of Otstot, Kurri, Welfert, Sankar 2023 (arXiv
    2310.18291) in the authors' code.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        num_classes: int,
        latent_dim: int = 100,
        width: float = 1.0,
        norm: str = "batch",
    ):
        super().__init__()
        if latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1, got {latent_dim}")
        check_norm("generator", norm, NORMS)
        self.latent_dim = latent_dim
        sizes = [scaled(size, width) for size in (32, 16, 8)]
        layers: list[nn.Module] = []
        # 1 -> 3 -> 7 -> 14 -> 28 pixels: the last two layers need padding
        for number, (inputs, outputs) in enumerate(
            zip([latent_dim, *sizes], [*sizes, _channels(image_shape)], strict=True)
        ):
            last, pad = number == 3, int(number > 1)
            bias = norm == "none" and not last
            layers.append(
                nn.ConvTranspose2d(inputs, outputs, 3, 2, pad, output_padding=pad, bias=bias)
            )
            if not last:
                layers += [*_norm(norm, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        _initialise(self)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        images: Tensor = self.layers(z[:, :, None, None])
        return images


class Discriminator(nn.Module):
    """Score and classify images: three 3x3 convolutions of stride 2 and two linear heads.

    8, 16 and 32 channels, 14, 7 and 3 pixels wide, each followed by LeakyReLU(0.2), the second and
    third with batch norm before it.

    Args:
        image_shape: (channels, 28, 28).
        num_classes: number of labels K.
        width: multiplies every number of channels.
        norm: ``batch`` or ``none``, of all hidden layers but the first.

    Shapes: images (N, channels, 28, 28) -> scores (N,) unbounded, class_logits (N, K).

    Raises:
        ValueError: images of another size, or an option outside its range.

    Source: as ``Generator``. Deviations: a class head, and biases of the two heads.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        num_classes: int,
        width: float = 1.0,
        norm: str = "batch",
    ):
        super().__init__()
        check_norm("discriminator", norm, NORMS)
        first, second, third = (scaled(size, width) for size in (8, 16, 32))
        bias = norm == "none"
        self.trunk = nn.Sequential(
            nn.Conv2d(_channels(image_shape), first, 3, 2, 1, bias=bias), nn.LeakyReLU(0.2),
            nn.Conv2d(first, second, 3, 2, 1, bias=bias), *_norm(norm, second), nn.LeakyReLU(0.2),
            nn.Conv2d(second, third, 3, 2, bias=bias), *_norm(norm, third), nn.LeakyReLU(0.2),
            nn.Flatten(),
        )  # fmt: skip
        self.score_head = nn.Linear(9 * third, 1)
        self.class_head = nn.Linear(9 * third, num_classes)
        _initialise(self)

    def forward(self, images: Tensor) -> CriticOutput:
        features = self.trunk(images)
        return CriticOutput(self.score_head(features)[:, 0], self.class_head(features))

    def adversarial_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters that the score depends on: trunk and score head."""
        yield from self.trunk.parameters()
        yield from self.score_head.parameters()


def _channels(shape: Sequence[int]) -> int:
    if len(shape) != 3 or tuple(shape[1:]) != (28, 28):
        raise ValueError(
            f"tiny_dcgan needs images (channels, 28, 28), got samples of shape {tuple(shape)}:"
            " choose model=infogan for other sizes, model=mlp for points"
        )
    return shape[0]


def _norm(norm: str, channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)] if norm == "batch" else []


def _initialise(network: nn.Module) -> None:
    """Draw weights from N(0, 0.02^2) and gains from N(1, 0.02^2), as in DCGAN; set biases to 0."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(part.weight, 0, DEVIATION)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.weight, 1, DEVIATION)
