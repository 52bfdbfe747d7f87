"""Loading a feature network and running it: always the same weights, always the same way."""

import hashlib
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from safetensors.torch import load
from torch import Tensor, nn

from gan_zoo.evaluation.features.cnn import FeatureCNN, Features

WEIGHTS = Path(__file__).parent / "weights"
CHUNK = 250  # images a forward pass: what these leave behind fits into a processor's cache


class Extractor(Protocol):
    """What measures images; name and checksum belong beside every number it gives.

    A user's own is an object with these three (``evaluation.extractor._target_``), or any module
    passed through ``wrap_module``.
    """

    @property
    def name(self) -> str:
        """Short, of letters, digits and _: a part of metric names."""
        ...

    @property
    def sha256(self) -> str:
        """Of its weights, in hexadecimal: numbers by other weights cannot be compared."""
        ...

    def extract(self, images: Tensor) -> Features:
        """Features (N, d) and class logits (N, K) of (N, C, H, W) images in [-1, 1].

        Float32, without a graph, the same for the same image whatever else is in the batch.
        """
        ...


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
    "fashioncnn": Shipped(
        "fashion.safetensors",
        "fcb909423f80ac9aecda9e4b4ca95b10cff5507e155783a4c443c1f79c6e59d0",
        channels=1,
        size=28,
        num_classes=10,
    ),
}
# which data set is measured by which network
DATA_SETS = {"mnist": "mnistcnn", "fashion_mnist": "fashioncnn"}


class FeatureNetwork:
    """A frozen feature network, run in chunks in evaluation mode: the ``Extractor`` of all modules.

    Args:
        name: short, a part of metric names.
        sha256: of the weights.
        network: gives ``Features``, or a pair of features and logits, of a batch of images.
        image_shape: (C, H, W) of the images it takes; None if only the network knows.
        device: where it runs.
    """

    def __init__(
        self,
        name: str,
        sha256: str,
        network: nn.Module,
        *,
        image_shape: tuple[int, ...] | None,
        device: torch.device | str,
    ) -> None:
        self.name = name
        self.sha256 = sha256
        self.device = torch.device(device)
        self._shape = image_shape
        self._network = network.to(self.device).eval().requires_grad_(False)

    def extract(self, images: Tensor) -> Features:
        """Features and logits, in float32 whatever the caller's autocast says, without a graph.

        Args:
            images: (N, C, H, W) in [-1, 1], N at least 1.

        Returns:
            features (N, d) and logits (N, K) on the network's device.

        Raises:
            ValueError: images of another shape, or not finite; or a network whose output is no pair
                of matrices with a row for each image.
        """
        shape = self._shape or tuple(images.shape[1:])
        if images.ndim != 4 or images.shape[1:] != shape or len(images) == 0:
            sizes = "C, H, W" if self._shape is None else ", ".join(map(str, self._shape))
            raise ValueError(
                f"images have shape {tuple(images.shape)}; allowed: (N, {sizes}) "
                f"with N at least 1, for {self.name}"
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
            return self._checked(self._network(images.to(self.device, torch.float32)), len(images))

    def _checked(self, output: object, count: int) -> Features:
        match output:
            case (Tensor(ndim=2) as features, Tensor(ndim=2) as logits):
                if len(features) == len(logits) == count:
                    return Features(features, logits)
        raise ValueError(
            f"{self.name} gives {_described(output)} for {count} images; allowed: a pair of "
            "tensors, features (N, d) and logits (N, K)"
        )


def _described(output: object) -> str:
    if isinstance(output, Tensor):
        return f"a tensor of shape {tuple(output.shape)}"
    if isinstance(output, tuple | list):
        return f"({', '.join(_described(part) for part in output)})"
    return f"a {type(output).__name__}"


def wrap_module(module: nn.Module, name: str) -> FeatureNetwork:
    """A user's own network as an ``Extractor``, on the device of its weights.

    Args:
        module: takes (N, C, H, W) float32 images in [-1, 1] to a pair of tensors: features (N, d)
            and class logits (N, K), K the data set's number of classes. It is frozen, and run in
            evaluation mode.
        name: short, a part of metric names: letters, digits and _.

    Raises:
        ValueError: a name with other characters, which metric names cannot hold.
    """
    if not (name.isascii() and name.isidentifier()):
        raise ValueError(f"name is {name!r}; allowed: letters, digits and _, no digit first")
    parameter = next(module.parameters(), None)
    device = torch.device("cpu") if parameter is None else parameter.device
    return FeatureNetwork(name, state_sha256(module), module, image_shape=None, device=device)


def state_sha256(module: nn.Module) -> str:
    """Sha256 over names, types, shapes and bytes of a module's parameters and buffers."""
    digest = hashlib.sha256()
    for key, value in sorted(module.state_dict().items()):
        digest.update(f"{key} {value.dtype} {tuple(value.shape)};".encode())
        content = value.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(content.numpy().data)
    return digest.hexdigest()


def load_extractor(name: str = "mnistcnn", device: torch.device | str = "cpu") -> FeatureNetwork:
    """The shipped feature network ``name``, its weights verified.

    Raises:
        ValueError: no network of that name.
        WeightsError: its file is missing or is not the pinned one.
    """
    network, pinned = load_cnn(name), SHIPPED[name]
    shape = (pinned.channels, pinned.size, pinned.size)
    return FeatureNetwork(name, pinned.sha256, network, image_shape=shape, device=device)


def load_cnn(name: str) -> FeatureCNN:
    """The classifier behind ``load_extractor``; the same errors."""
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
    return network
