"""Fixed latents and labels, and measuring without moving any training stream."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gan_zoo.data.random_streams import stream
from gan_zoo.types import Sampler

CHUNK = 500  # samples a forward pass


class NonFiniteSamples(ArithmeticError):
    """A generator makes NaN or infinity: there is nothing to measure."""


@contextmanager
def measuring(*networks: nn.Module) -> Iterator[None]:
    """Evaluation mode, no gradients, and the global random stream put back afterwards."""
    training = [network.training for network in networks]
    with torch.random.fork_rng(), torch.no_grad():
        for network in networks:
            network.eval()
        try:
            yield
        finally:
            for network, mode in zip(networks, training, strict=True):
                network.train(mode)


class Bank:
    """Latents and labels drawn once: every epoch, loss and seed is shown the same.

    Args:
        count: how many; labels go round the classes.
        latents: the run's sampler.
        dim: size of z.
        classes: number of labels.
        name: what the bank is for; banks of different names are independent.
        device: where everything lives.
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
        self.z = latents(count, dim, stream(0, f"{name} bank", device))
        self.labels = torch.arange(count, device=device) % classes

    def images(self, generator: nn.Module) -> Tensor:
        """What the generator makes of the bank, in evaluation mode.

        Raises:
            NonFiniteSamples: some of it is not finite.
        """
        with measuring(generator):
            pairs = zip(self.z.split(CHUNK), self.labels.split(CHUNK), strict=True)
            images = torch.cat([generator(z, labels) for z, labels in pairs])
        if not bool(images.isfinite().all()):
            raise NonFiniteSamples("generated samples hold NaN or infinity")
        return images
