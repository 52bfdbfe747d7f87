"""The AC-GAN of the Keras example: an upsampling generator and a two-headed discriminator."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gan_zoo.interfaces import CriticOutput
from gan_zoo.models.layers import SameConv2d, UpsampleConv2d


class Generator(nn.Module):
    """Images from a latent and a label: ``G(z, c) = tanh(conv(up(conv(up(dense(z * e_c))))))``.

    z is multiplied elementwise with a learned embedding e_c of the label; Dense 1024 ReLU;
    Dense 128*(H/4)*(W/4) ReLU; (upsample x2, 5x5 conv, ReLU) with 256 and 128 filters; 2x2 conv, tanh.
    At width 1, 28x28x1 images and 10 classes: 8,172,521 parameters.

    Args:
        image_shape: (channels, height, width) of the images; height and width multiples of 4.
        num_classes: number of labels.
        latent_dim: size of z.
        width: multiplies every hidden width.

    Shapes: z (N, latent_dim), labels (N,) int64 -> (N, channels, height, width) in (-1, 1).

    Raises:
        ValueError: an image side is no multiple of 4, or a width is not positive.

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
        channels, height, image_width = image_shape
        if height % 4 or image_width % 4:
            raise ValueError(
                f"acgan draws images whose sides are multiples of 4, these are {height}x{image_width}:"
                " resize or pad the data set."
            )
        dense, first, second = (_scaled(size, width) for size in (1024, 256, 128))
        self.base_shape = (second, height // 4, image_width // 4)
        self.latent_dim = latent_dim
        self.embedding = nn.Embedding(num_classes, latent_dim)
        self.dense1 = nn.Linear(latent_dim, dense)
        self.dense2 = nn.Linear(dense, second * (height // 4) * (image_width // 4))
        self.conv1 = UpsampleConv2d(second, first)
        self.conv2 = UpsampleConv2d(first, second)
        self.conv3 = SameConv2d(second, channels, kernel_size=2)
        _initialise(self, conv=nn.init.xavier_normal_)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        hidden = torch.relu(self.dense1(z * self.embedding(labels)))
        hidden = torch.relu(self.dense2(hidden)).unflatten(1, self.base_shape)
        hidden = torch.relu(self.conv1(hidden))
        hidden = torch.relu(self.conv2(hidden))
        return torch.tanh(self.conv3(hidden))
