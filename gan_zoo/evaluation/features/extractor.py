"""Load and run a feature network: the same numbers for the same image, in any batch."""

import hashlib
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from safetensors.torch import load
from torch import Tensor, nn

from gan_zoo.data.devices import exact_arithmetic
from gan_zoo.evaluation.features.cnn import FeatureCNN, Features, StackedDigits

WEIGHTS = Path(__file__).parent / "weights"
CHUNK = 250  # images per forward pass: their activations fit into a processor's cache


class WeightsError(ValueError):
    """Raised when shipped weights are missing or have another checksum."""


class Extractor(Protocol):
    """The contract of a feature network; its name and checksum accompany every number it gives.

    A user's own is an object with these three members (``evaluation.extractor._target_``), or any
    module passed through ``wrap_module``.
    """

    @property
    def name(self) -> str:
        """Short name of letters, digits and _, a part of the names of metrics."""
        ...

    @property
    def sha256(self) -> str:
        """Checksum of the weights in hexadecimal: numbers by other weights do not compare."""
        ...

    def extract(self, images: Tensor) -> Features:
        """Return features (N, d) and class logits (N, K) of (N, C, H, W) images in [-1, 1].

        Float32, without a graph, the same for the same image whatever else is in the batch.
        """
        ...


class Shipped(NamedTuple):
    """A feature network that comes with the package."""

    file: str  # in the folder weights
    sha256: str
    image_shape: tuple[int, int, int]
    num_classes: int
    stacked: bool = False  # whether it is applied to each channel


_MNIST_SHA256 = "49ac20705fda70cea6b7d61ecff21bbd167742c0df1a2b49543c5733aedc173f"
_FASHION_SHA256 = "fcb909423f80ac9aecda9e4b4ca95b10cff5507e155783a4c443c1f79c6e59d0"
SHIPPED = {
    "mnistcnn": Shipped("mnist.safetensors", _MNIST_SHA256, (1, 28, 28), 10),
    "fashioncnn": Shipped("fashion.safetensors", _FASHION_SHA256, (1, 28, 28), 10),
    "stackedmnistcnn": Shipped("mnist.safetensors", _MNIST_SHA256, (3, 28, 28), 10, stacked=True),
}


class FeatureNetwork:
    """A frozen feature network, run in chunks in evaluation mode: an ``Extractor`` of any module.

    Args:
        name: short, a part of the names of metrics.
        sha256: of the weights.
        network: maps a batch of images to ``Features``, or to a pair of features and logits.
        image_shape: (C, H, W) of the images it takes; None to leave the check to the network.
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
        """Return features and logits in float32, even under autocast, without a graph.

        Args:
            images: (N, C, H, W) in [-1, 1], N at least 1.

        Returns:
            features (N, d) and logits (N, K) on the network's device.

        Raises:
            ValueError: If images have another shape or are not finite, or the network does not
                return two matrices with a row for each image.
        """
        shape = self._shape or tuple(images.shape[1:])
        if images.ndim != 4 or images.shape[1:] != shape or len(images) == 0:
            sizes = "C, H, W" if self._shape is None else ", ".join(map(str, self._shape))
            raise ValueError(
                f"images for {self.name} must have shape (N, {sizes}) with N at least 1, got"
                f" {tuple(images.shape)}"
            )
        if not bool(images.isfinite().all()):
            raise ValueError("images must be finite, got NaN or infinity")
        parts = [self._chunk(chunk) for chunk in images.split(CHUNK)]
        return Features(*(torch.cat(each) for each in zip(*parts, strict=True)))

    def _chunk(self, images: Tensor) -> Features:
        plain = torch.autocast(self.device.type, enabled=False)
        with torch.no_grad(), plain, exact_arithmetic():
            output = self._network(images.to(self.device, torch.float32))
        match output:
            case (Tensor(ndim=2) as features, Tensor(ndim=2) as logits):
                if len(features) == len(logits) == len(images):
                    return Features(features, logits)
        raise ValueError(
            f"{self.name} must return a pair of tensors, features (N, d) and logits (N, K), got"
            f" {_describe(output)} for {len(images)} images"
        )


def _describe(output: object) -> str:
    if isinstance(output, Tensor):
        return f"a tensor of shape {tuple(output.shape)}"
    if isinstance(output, tuple | list):
        return f"({', '.join(_describe(part) for part in output)})"
    return f"a {type(output).__name__}"


def wrap_module(module: nn.Module, name: str) -> FeatureNetwork:
    """Return a user's own network as an ``Extractor``, on the device of its weights.

    Args:
        module: maps (N, C, H, W) float32 images in [-1, 1] to a pair of tensors: features (N, d)
            and class logits (N, K), K the data set's number of classes. It is frozen, and run in
            evaluation mode.
        name: short, a part of the names of metrics: letters, digits and _.

    Raises:
        ValueError: If the name has other characters.
    """
    if not (name.isascii() and name.isidentifier()):
        raise ValueError(
            f"name must consist of letters, digits and _ without a digit first, got {name!r}"
        )
    parameter = next(module.parameters(), None)
    device = torch.device("cpu") if parameter is None else parameter.device
    return FeatureNetwork(name, state_sha256(module), module, image_shape=None, device=device)


def state_sha256(module: nn.Module) -> str:
    """Return the sha256 of names, types, shapes and bytes of a module's parameters and buffers."""
    digest = hashlib.sha256()
    for key, value in sorted(module.state_dict().items()):
        digest.update(f"{key} {value.dtype} {tuple(value.shape)};".encode())
        content = value.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(content.numpy().data)
    return digest.hexdigest()


def load_extractor(name: str = "mnistcnn", device: torch.device | str = "cpu") -> FeatureNetwork:
    """Load a shipped feature network and verify its weights.

    Raises:
        ValueError: If there is no network of that name.
        WeightsError: If its file is missing or has another checksum.
    """
    if name not in SHIPPED:
        raise ValueError(f"feature network must be one of {', '.join(SHIPPED)}, got {name!r}")
    shipped = SHIPPED[name]
    path = WEIGHTS / shipped.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read {path} ({error}): reinstall gan_zoo") from error
    found = hashlib.sha256(content).hexdigest()
    if found != shipped.sha256:
        raise WeightsError(
            f"{path} must have sha256 {shipped.sha256}, got {found}: reinstall gan_zoo, as numbers"
            " measured with other weights do not compare"
        )
    channels, size, _ = shipped.image_shape
    cnn = FeatureCNN(1 if shipped.stacked else channels, size, shipped.num_classes)
    cnn.load_state_dict(load(content))
    network = StackedDigits(cnn) if shipped.stacked else cnn
    return FeatureNetwork(
        name, shipped.sha256, network, image_shape=shipped.image_shape, device=device
    )
