"""Loading a feature network and running it: always the same weights, always the same way."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load
from torch import Tensor

from gan_zoo.features.cnn import FeatureCNN, Features

WEIGHTS = Path(__file__).parent / "weights"
CHUNK = 500  # images a forward pass


class Shipped(NamedTuple):
    """What is pinned of a feature network that comes with the package."""

    file: str  # in the folder weights
    sha256: str
    channels: int
    size: int  # height and width of the images
    num_classes: int


class WeightsError(ValueError):
    """Weights that are missing or are not the pinned ones: which file, what to do."""


SHIPPED = {
    "mnistcnn": Shipped(
        "mnist.safetensors",
        "49ac20705fda70cea6b7d61ecff21bbd167742c0df1a2b49543c5733aedc173f",
        channels=1,
        size=28,
        num_classes=10,
    ),
}
DATA_SETS = {"mnist": "mnistcnn"}  # which data set is measured by which network


class FeatureNetwork:
    """A frozen feature network; its name and checksum belong beside every number it gives.

    Args:
        name: short, a part of metric names.
        sha256: of the weights' file.
        network: the trained classifier.
        channels, size: of the images it takes.
        device: where it runs.
    """

    def __init__(
        self,
        name: str,
        sha256: str,
        network: FeatureCNN,
        *,
        channels: int,
        size: int,
        device: torch.device | str,
    ) -> None:
        self.name = name
        self.sha256 = sha256
        self.device = torch.device(device)
        self._shape = (channels, size, size)
        self._network = network.to(self.device).eval().requires_grad_(False)

    def extract(self, images: Tensor) -> Features:
        """Features and logits, in float32 whatever the caller's autocast says, without a graph.

        Args:
            images: (N, channels, size, size) in [-1, 1], N at least 1.

        Returns:
            features (N, d) and logits (N, K) on the network's device.

        Raises:
            ValueError: images of another shape, or not finite.
        """
        if images.ndim != 4 or images.shape[1:] != self._shape or len(images) == 0:
            raise ValueError(
                f"images have shape {tuple(images.shape)}; allowed: (N, {self._shape[0]}, "
                f"{self._shape[1]}, {self._shape[2]}) with N at least 1, for {self.name}"
            )
        if not bool(images.isfinite().all()):
            raise ValueError("images hold NaN or infinity; allowed: values in [-1, 1]")
        parts = [self._chunk(images[i : i + CHUNK]) for i in range(0, len(images), CHUNK)]
        return Features(
            torch.cat([part.features for part in parts]), torch.cat([part.logits for part in parts])
        )

    def _chunk(self, images: Tensor) -> Features:
        # TF32's ten bits would move FID in its third digit
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False), exact:
            return self._network(images.to(self.device, torch.float32))


def load_extractor(name: str = "mnistcnn", device: torch.device | str = "cpu") -> FeatureNetwork:
    """The shipped feature network ``name``, its weights verified.

    Raises:
        ValueError: no network of that name.
        WeightsError: its file is missing or is not the pinned one.
    """
    if name not in SHIPPED:
        raise ValueError(f"feature network is {name!r}; allowed: {', '.join(SHIPPED)}")
    pinned = SHIPPED[name]
    path = WEIGHTS / pinned.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error}). Reinstall gan_zoo") from error
    found = hashlib.sha256(content).hexdigest()
    if found != pinned.sha256:
        raise WeightsError(
            f"{path}: sha256 is {found}, expected {pinned.sha256}. Reinstall gan_zoo: numbers "
            "measured with other weights cannot be compared"
        )
    network = FeatureCNN(pinned.channels, pinned.size, pinned.num_classes)
    network.load_state_dict(load(content))
    return FeatureNetwork(
        name, found, network, channels=pinned.channels, size=pinned.size, device=device
    )


def extractor_for(data: str, device: torch.device | str = "cpu") -> FeatureNetwork | None:
    """The feature network that measures the data set ``data``; None if none is shipped for it."""
    name = DATA_SETS.get(data)
    return None if name is None else load_extractor(name, device)
