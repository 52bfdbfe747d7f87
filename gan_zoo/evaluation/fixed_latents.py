"""Fixed latents and labels, and evaluation that leaves training's random streams alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gan_zoo.data.devices import exact_arithmetic, kept_global_streams, measuring_device
from gan_zoo.data.random_streams import stream
from gan_zoo.types import Sampler

CHUNK = 500  # samples per forward pass


class NonFiniteSamples(ArithmeticError):
    """Raised when a generator makes NaN or infinity, so that there is nothing to measure."""


def device_of(network: nn.Module) -> torch.device:
    """Return the device of a network's parameters; the CPU if it has none."""
    parameter = next(network.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


@contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """Set evaluation mode, exact arithmetic and no gradients; restore all and global streams."""
    training = [network.training for network in networks]
    with kept_global_streams(device_of(networks[0])), exact_arithmetic(), torch.no_grad():
        for network in networks:
            network.eval()
        try:
            yield
        finally:
            for network, mode in zip(networks, training, strict=True):
                network.train(mode)


class FixedLatents:
    """Latents and labels drawn once, the same for every epoch, loss and seed.

    Args:
        count: of samples; labels cycle through the classes.
        latents: the run's sampler.
        dim: size of z.
        classes: number of labels.
        name: their purpose; those of different names are independent.
        device: of latents and labels. They are drawn on the CPU, so that a generator is measured
            on the same ones everywhere.
    """

    def __init__(
        self,
        count: int,
        *,
        latents: Sampler,
        dim: int,
        classes: int,
        name: str,
        device: torch.device,
    ):
        self.z = latents(count, dim, stream(0, f"{name} bank")).to(device)
        self.labels = torch.arange(count, device=device) % classes

    def images(self, generator: nn.Module) -> Tensor:
        """Return the generator's samples in evaluation mode, where they are measured.

        Raises:
            NonFiniteSamples: If a sample is not finite.
        """
        with evaluating(generator):
            pairs = zip(self.z.split(CHUNK), self.labels.split(CHUNK), strict=True)
            images = torch.cat([generator(z, labels) for z, labels in pairs])
        images = images.to(measuring_device(images.device))
        if not bool(images.isfinite().all()):
            raise NonFiniteSamples("generated samples hold NaN or infinity")
        return images
