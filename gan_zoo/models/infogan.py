"""InfoGAN's networks with a label for the generator and a class head for the discriminator."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_zoo.models.discriminator import PackedDiscriminator
from gan_zoo.models.layers import (
    ImageConv2d,
    ImageConvTranspose2d,
    check_norm,
    scaled,
)

GENERATOR_NORMS = ("batch", "layer", "none")
DISCRIMINATOR_NORMS = ("layer", "none", "spectral", "batch")
LEAKY_SLOPE = 0.2


class Generator(nn.Module):
    """Generate images from a latent and a one-hot label.

    ``G(z, c) = tanh(deconv(a(deconv(a(dense(a(dense([z, onehot(c)]))))))))`` with
    ``a(h) = relu(norm(h))``: dense 1024; dense 128*(H/4)*(W/4); two 4x4 transposed convolutions
    of stride 2 with 64 filters and one per channel. At width 0.25, 28x28x1 images and 10 classes:
    441,697 parameters.

    Args:
        image_shape: (channels, height, width) of the images; height and width multiples of 4.
        num_classes: number of labels K.
        latent_dim: size of z.
        width: factor of every hidden width.
        norm: ``batch``, ``layer`` or ``none``, after every hidden layer.

    Shapes: z (N, latent_dim), labels (N,) int64 -> (N, channels, height, width) in (-1, 1).

    Raises:
        ValueError: samples that are not images, an image side that is not a multiple of 4, or an
            option out of its range.

    Source: Chen et al. 2016 (arXiv 1606.03657), table 1; Lucic et al. 2018 (arXiv 1711.10337)
    compare losses with it. Deviations: a one-hot label instead of latent codes, tanh instead of
    sigmoid outputs, because images are in [-1, 1].
    """

    codes: Tensor  # one-hot, of each label

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        num_classes: int,
        latent_dim: int = 100,
        width: float = 0.25,
        norm: str = "batch",
    ):
        super().__init__()
        channels, rows, columns = _image(image_shape)
        if latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1, got {latent_dim}")
        check_norm("generator", norm, GENERATOR_NORMS)
        dense, first, second = (scaled(size, width) for size in (1024, 128, 64))
        self.latent_dim = latent_dim
        codes = torch.zeros(num_classes, num_classes).fill_diagonal_(1.0)
        self.register_buffer("codes", codes, persistent=False)
        self.base_shape = (rows // 4, columns // 4, first)
        base, bias = math.prod(self.base_shape), norm != "batch"
        self.dense1 = nn.Linear(latent_dim + num_classes, dense, bias=bias)
        self.norm1 = _norm1d(norm, dense)
        self.dense2 = nn.Linear(dense, base, bias=bias)
        self.norm2 = _norm1d(norm, base)
        self.conv1 = nn.ConvTranspose2d(first, second, 4, stride=2, padding=1, bias=bias)
        self.norm3 = _norm2d(norm, second)
        self.conv2 = ImageConvTranspose2d(second, channels)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        inputs = torch.cat([z, self.codes.index_select(0, labels).to(z.dtype)], 1)
        hidden = torch.relu_(self.norm1(self.dense1(inputs)))
        hidden = torch.relu_(self.norm2(self.dense2(hidden)))
        # Dense units are stored as (row, column, channel): a channels-last view without a copy.
        hidden = hidden.unflatten(1, self.base_shape).permute(0, 3, 1, 2)
        hidden = torch.relu_(self.norm3(self.conv1(hidden)))
        return torch.tanh_(self.conv2(hidden))


class Discriminator(PackedDiscriminator):
    """Score an image and classify it: two 4x4 convolutions of stride 2 and a dense layer.

    64 and 128 filters and 1024 dense units, each followed by LeakyReLU(0.2); a score head (1) and
    a class head (K). At width 0.25, 28x28x1 images and 10 classes: 412,987 parameters.

    Args:
        image_shape: (channels, height, width) of the images; height and width multiples of 4.
        num_classes: number of labels K.
        width: factor of every hidden width.
        norm: ``layer`` or ``batch``, after every hidden layer but the first; ``none``; or
            ``spectral``, which divides every weight but the class head's by its largest singular
            value (Miyato et al. 2018, arXiv 1802.05957).
        packing, instance_noise: see ``PackedDiscriminator``.

    Shapes: images (N, C, H, W) -> scores (N,) unbounded, class_logits (N, K).

    Raises:
        ValueError: samples that are not images, an image side that is not a multiple of 4, or an
            option out of its range.

    Source: as ``Generator``. Deviation: layer norm instead of batch norm by default, so that a
    score depends on its own image alone, which gradient penalties need.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        num_classes: int,
        width: float = 0.25,
        norm: str = "layer",
        packing: int = 1,
        instance_noise: float = 0.0,
    ):
        super().__init__(packing, instance_noise)
        channels, rows, columns = self.packed_shape(_image(image_shape))
        check_norm("discriminator", norm, DISCRIMINATOR_NORMS)
        first, second, dense = (scaled(size, width) for size in (64, 128, 1024))
        bias = norm != "batch"
        self.conv1 = ImageConv2d(channels, first)
        self.conv2 = nn.Conv2d(first, second, 4, stride=2, padding=1, bias=bias)
        self.norm2 = _norm2d(norm, second)
        self.dense = nn.Linear(second * (rows // 4) * (columns // 4), dense, bias=bias)
        self.norm3 = _norm1d(norm, dense)
        self.score_head = nn.Linear(dense, 1)
        self.class_head = nn.Linear(dense, packing * num_classes)
        if norm == "spectral":
            self.divide_by_singular_values()

    def heads(self, packs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the score and class logits of each pack."""
        hidden = functional.leaky_relu_(self.conv1(packs), LEAKY_SLOPE)
        hidden = functional.leaky_relu_(self.norm2(self.conv2(hidden)), LEAKY_SLOPE)
        # Flattened as (row, column, channel): a view of a channels-last tensor.
        hidden = self.norm3(self.dense(hidden.permute(0, 2, 3, 1).flatten(1)))
        hidden = functional.leaky_relu_(hidden, LEAKY_SLOPE)
        return self.score_head(hidden)[:, 0], self.class_head(hidden)


def _image(shape: Sequence[int]) -> tuple[int, int, int]:
    if len(shape) != 3 or shape[1] % 4 or shape[2] % 4:
        raise ValueError(
            "infogan needs images (channels, height, width) whose sides are multiples of 4, got"
            f" samples of shape {tuple(shape)}: resize the data set or pad it (data=folder and npz:"
            " data.pad=true), or choose model=mlp for points"
        )
    channels, rows, columns = shape
    return channels, rows, columns


def _norm1d(norm: str, size: int) -> nn.Module:
    """Return the norm of a dense layer; layer norm has no gain, which weight clipping would cut."""
    kinds: dict[str, Callable[[int], nn.Module]] = {
        "batch": nn.BatchNorm1d,
        "layer": lambda units: nn.LayerNorm(units, elementwise_affine=False),
    }
    return kinds.get(norm, lambda _: nn.Identity())(size)


def _norm2d(norm: str, size: int) -> nn.Module:
    """Return the norm of a convolution, as ``_norm1d``."""
    kinds: dict[str, Callable[[int], nn.Module]] = {
        "batch": nn.BatchNorm2d,
        "layer": lambda channels: nn.GroupNorm(1, channels, affine=False),
    }
    return kinds.get(norm, lambda _: nn.Identity())(size)
