"""The AC-GAN of the Keras example: an upsampling generator and a two-headed discriminator."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from gan_zoo.models.discriminator import PackedDiscriminator
from gan_zoo.models.layers import (
    LeakyDropout,
    QuadConv2d,
    SameConv2d,
    UpsampleConv2d,
    check_norm,
    scaled,
)

MAX_STRIDE = 16


class Generator(nn.Module):
    """Generate images from a latent and a label.

    ``G(z, c) = tanh(conv(up(conv(up(dense(z * e_c))))))``: z is multiplied elementwise with a
    learned embedding e_c of the label; Dense 1024 ReLU; Dense 128*(H/4)*(W/4) ReLU; upsample
    x2, 5x5 conv, ReLU with 256 and again with 128 filters; 2x2 conv, tanh. At width 1, 28x28x1
    images and 10 classes: 8,172,521 parameters.

    Args:
        image_shape: (channels, height, width) of the images; height and width multiples of 4.
        num_classes: number of labels.
        latent_dim: size of z.
        width: multiplies every hidden width.

    Shapes: z (N, latent_dim), labels (N,) int64 -> (N, channels, height, width) in (-1, 1).

    Raises:
        ValueError: samples that are not images, an image side that is not a multiple of 4, or an
            option out of its range.

    Source: Odena, Olah, Shlens 2017 (arXiv 1610.09585) as set up in the Keras example
    ``mnist_acgan.py`` of November 2016.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        num_classes: int,
        latent_dim: int = 100,
        width: float = 1.0,
    ):
        super().__init__()
        channels, height, image_width = _image(image_shape)
        if height % 4 or image_width % 4:
            raise ValueError(
                f"acgan needs images whose sides are multiples of 4, got {height}x{image_width}:"
                " resize the data set or pad it (data=folder and npz: data.pad=true)"
            )
        if latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1, got {latent_dim}")
        dense, first, second = (scaled(size, width) for size in (1024, 256, 128))
        self.base_shape = (second, height // 4, image_width // 4)
        self.latent_dim = latent_dim
        self.embedding = nn.Embedding(num_classes, latent_dim)
        self.dense1 = nn.Linear(latent_dim, dense)
        self.dense2 = nn.Linear(dense, second * (height // 4) * (image_width // 4))
        self.conv1 = UpsampleConv2d(second, first)
        self.conv2 = UpsampleConv2d(first, second)
        self.conv3 = QuadConv2d(second, channels)
        _initialise(self, conv=nn.init.xavier_normal_)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        hidden = torch.relu_(self.dense1(z * self.embedding(labels)))
        hidden = torch.relu_(self.dense2(hidden)).unflatten(1, self.base_shape)
        if self.conv1.weight.is_contiguous(memory_format=torch.channels_last):
            hidden = hidden.contiguous(memory_format=torch.channels_last)
        hidden = torch.relu_(self.conv1(hidden))
        hidden = torch.relu_(self.conv2(hidden))
        return torch.tanh(self.conv3(hidden))


class Discriminator(PackedDiscriminator):
    """Score an image and classify it: four 3x3 convolutions and two linear heads.

    Each convolution is followed by LeakyReLU and dropout; the flattened result feeds a score head
    (1) and a class head (K).  At width 1, 28x28x1 images and 10 classes: 939,787 parameters with
    strides (2, 1, 1, 1), 525,835 with (2, 1, 2, 1).

    Args:
        image_shape: (channels, height, width) of the images.
        num_classes: number of labels K.
        filters: filters of each convolution at width 1.
        strides: stride of each convolution, as many as filters.
        leaky_slope: LeakyReLU's factor of negative inputs.
        dropout: probability that dropout zeroes an element.
        width: multiplies every number of filters.
        norm: ``none``, or ``spectral``: divide every weight but the class head's by its largest
            singular value (Miyato et al. 2018, arXiv 1802.05957).
        packing, instance_noise: see ``PackedDiscriminator``.

    Shapes: images (N, C, H, W) -> scores (N,) unbounded, class_logits (N, K).

    Raises:
        ValueError: strides and filters differ in length, or a value is out of its range.

    Source: Odena, Olah, Shlens 2017 (arXiv 1610.09585) as set up in the Keras example
    ``mnist_acgan.py`` of November 2016.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        num_classes: int,
        filters: Sequence[int] = (32, 64, 128, 256),
        strides: Sequence[int] = (2, 1, 1, 1),
        leaky_slope: float = 0.3,
        dropout: float = 0.3,
        width: float = 1.0,
        norm: str = "none",
        packing: int = 1,
        instance_noise: float = 0.0,
    ):
        super().__init__(packing, instance_noise)
        check_norm("discriminator", norm, ("none", "spectral"))
        if len(filters) != len(strides) or not filters:
            raise ValueError(
                "discriminator.strides must have one stride for each of the filters, got strides"
                f" {list(strides)} and filters {list(filters)}"
            )
        channels, *size = self.packed_shape(_image(image_shape))
        layers: list[nn.Module] = []
        for count, stride in zip(filters, strides, strict=True):
            if not 1 <= stride <= MAX_STRIDE:
                raise ValueError(
                    f"discriminator.strides must be from 1 to {MAX_STRIDE}, got {stride}"
                )
            if count < 1:
                raise ValueError(f"discriminator.filters must be at least 1, got {count}")
            layers += [
                SameConv2d(channels, scaled(count, width), kernel_size=3, stride=stride),
                LeakyDropout(leaky_slope, dropout, inplace=True),
            ]
            channels, size = scaled(count, width), [-(-side // stride) for side in size]
        self.trunk = nn.Sequential(*layers)
        self.score_head = nn.Linear(channels * size[0] * size[1], 1)
        self.class_head = nn.Linear(channels * size[0] * size[1], packing * num_classes)
        _initialise(self, conv=nn.init.xavier_uniform_)
        if norm == "spectral":
            self.divide_by_singular_values()

    def heads(self, packs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the score and class logits of each pack, in one pass over the features."""
        hidden = self.trunk(packs)
        weight = torch.cat([self.score_head.weight, self.class_head.weight])
        weight = weight.unflatten(1, hidden.shape[1:])
        if not hidden.is_contiguous():  # channels last: permute the weights, not the images
            hidden, weight = hidden.permute(0, 2, 3, 1), weight.permute(0, 2, 3, 1)
        bias = torch.cat([self.score_head.bias, self.class_head.bias])
        both = linear(hidden.flatten(1), weight.flatten(1), bias)
        return both[:, 0], both[:, 1:]


def _image(shape: Sequence[int]) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ValueError(
            f"acgan needs images (C, H, W), got samples of shape {tuple(shape)}: choose model=mlp"
            " or other data"
        )
    channels, height, width = shape
    return channels, height, width


def _initialise(module: nn.Module, *, conv: Callable[[Tensor], Tensor]) -> None:
    """Initialise as Keras does: Glorot-uniform weights, zero biases; convolutions by ``conv``."""
    for part in module.modules():
        if isinstance(part, SameConv2d | UpsampleConv2d):
            conv(part.weight)
        elif isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
        elif isinstance(part, nn.Embedding):
            nn.init.xavier_normal_(part.weight)
        if isinstance(part, SameConv2d | UpsampleConv2d | nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
