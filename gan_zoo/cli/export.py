"""Write a run's generator for other programs, checked against the generator itself.

``gan-zoo export RUN_DIR [key=value ...]`` writes one file: a function of ``latents`` (N,
latent_dim) float32, drawn as the run's were, and ``labels`` (N,) int64 that gives ``images`` (N, C,
H, W) float32 in [-1, 1], for any N.  TorchScript is not among the formats, since torch says of it
that it is deprecated and to be replaced by torch.export.  Options:

- ``format``: onnx | torch_export (onnx, which needs pip install 'gan-zoo[onnx]')
- ``checkpoint``: last | best | an epoch's number (last)
- ``network``: auto | generator | generator_ema (auto: generator_ema where the run has one)
- ``out``: the file to write (exported/<network>_<checkpoint>.onnx or .pt2 in the run's folder)
- ``overwrite``: whether a file that is there is replaced (false)
- ``allow``: packages of yours, joined by commas, that the run's record may take objects from
"""

import io
import sys
import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan_zoo.cli.options import given_words, parse
from gan_zoo.cli.output import lasting_output
from gan_zoo.config.extras import require_extra
from gan_zoo.runs.record import refuse_existing, write_bytes
from gan_zoo.training.load_generator import Trained, check_choice, trained_generator
from gan_zoo.training.memory import OutOfMemory, shortage_explained

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Function = Callable[[Tensor, Tensor], Tensor]

SUFFIXES = {"onnx": ".onnx", "torch_export": ".pt2"}
BATCHES = (1, 2, 7, 64)  # sizes at which the file is held against the generator
MAX_DIFFERENCE = 1e-4  # of an image's largest absolute value, or of 1; float32 rounds to 1e-7


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    format: str = "onnx"
    checkpoint: str = "last"
    network: str = "auto"
    out: str = ""
    overwrite: bool = False
    allow: str = ""

    def __post_init__(self) -> None:
        check_choice(self.network, self.checkpoint)
        if self.format not in SUFFIXES:
            raise ValueError(f"format is {self.format!r}; allowed: {', '.join(SUFFIXES)}")


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> None:
    """Export and say how exact it is; a mistake ends the process with a message."""
    words = given_words(arguments, __file__)
    if not words:
        return
    try:
        with shortage_explained("Export on a machine with more memory"):
            path, difference = export(Path(words[0]), parse(words[1:], Options))
    except (ValueError, OSError, RecursionError, OutOfMemory) as error:
        sys.exit(f"gan_zoo: {error}")
    print(f"gan_zoo: written: {path} (differs from the generator by {difference:.1g} at most)")


def export(folder: Path, options: Options) -> tuple[Path, float]:
    """Write the file; its path, and the largest difference of a pixel from the generator's.

    Raises:
        ValueError: anything that does not fit: options, the run, its weights, a file that is there,
            a package that is missing, or an export that computes something else.
    """
    if options.format == "onnx":
        require_extra("format=onnx", "onnx", "onnx", "onnxscript", "onnxruntime")
    trained = trained_generator(folder, options.network, options.checkpoint, options.allow)
    name = f"{trained.name}_{options.checkpoint}{SUFFIXES[options.format]}"
    path = Path(options.out).expanduser() if options.out else folder / "exported" / name
    refuse_existing([path], overwrite=options.overwrite)
    write = {"onnx": to_onnx, "torch_export": to_torch_export}[options.format]
    read = {"onnx": from_onnx, "torch_export": from_torch_export}[options.format]
    content = write(trained)
    difference = largest_difference(trained, read(content))
    if not difference <= MAX_DIFFERENCE:
        raise ValueError(
            f"{path} is not written: its images differ from the generator's by {difference:.2g},"
            f" allowed: {MAX_DIFFERENCE}"
        )
    write_bytes(path, content)
    return path, difference


def largest_difference(trained: Trained, function: "Function") -> float:
    """Between the generator's images and another function's, relative where they exceed 1.

    Latents are the run's, labels go round the classes, and batches have the sizes ``BATCHES``.
    """
    import torch

    from gan_zoo.evaluation.fixed_latents import evaluating

    found = []
    for count in BATCHES:
        z, labels = _inputs(trained, count)
        with evaluating(trained.network):
            expected = trained.network(z, labels)
            images = function(z, labels)
        if images.shape != expected.shape:
            raise ValueError(f"{count} images have shape {tuple(images.shape)} once exported")
        found.append(((images - expected).abs() / expected.abs().clamp(min=1)).max())
    return float(torch.stack(found).max())


def to_torch_export(trained: Trained) -> bytes:
    """A ``.pt2`` file, for ``torch.export.load``."""
    import torch

    buffer = io.BytesIO()
    torch.export.save(_program(trained), buffer)
    return buffer.getvalue()


def from_torch_export(content: bytes) -> "Function":
    """The function in such a file."""
    import torch

    function: Function = torch.export.load(io.BytesIO(content)).module()
    return function


def to_onnx(trained: Trained) -> bytes:
    """An ONNX model with its weights inside; its metadata tell which run it is of."""
    import torch

    program = torch.onnx.export(
        _program(trained), dynamo=True, external_data=False, verbose=False,
        input_names=["latents", "labels"], output_names=["images"],
    )  # fmt: skip
    assert program is not None
    model = program.model_proto
    record = trained.record
    told = {"run_id": record.run_id, "loss": record.loss, "seed": str(record.seed),
            "weights": trained.weights.name}  # fmt: skip
    for key, value in told.items():
        model.metadata_props.add(key=f"gan_zoo.{key}", value=value)
    content: bytes = model.SerializeToString()
    return content


def from_onnx(content: bytes) -> "Function":
    """The function in such a model, as onnxruntime computes it on the CPU."""
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def function(z: "Tensor", labels: "Tensor") -> "Tensor":
        (images,) = session.run(None, {"latents": z.numpy(), "labels": labels.numpy()})
        return torch.from_numpy(images)

    return function


def _program(trained: Trained) -> "torch.export.ExportedProgram":
    """The generator's graph, for any number of samples."""
    import torch

    from gan_zoo.models.layers import UpsampleConv2d

    network = deepcopy(trained.network)  # what it is checked against stays as it was trained
    for layer in network.modules():
        if isinstance(layer, UpsampleConv2d):
            layer.by_phases = True
    batch = torch.export.Dim("batch")
    with torch.no_grad(), warnings.catch_warnings():
        # of torch's own making, while it takes its inputs apart
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"torch|copyreg")
        return torch.export.export(
            network, _inputs(trained, 2), dynamic_shapes=({0: batch}, {0: batch})
        )


def _inputs(trained: Trained, count: int) -> "tuple[Tensor, Tensor]":
    import torch

    from gan_zoo.data.random_streams import stream

    rng = stream(0, f"{count} latents for an exported generator")
    z = trained.latents(count, int(trained.network.latent_dim), rng)  # type: ignore[arg-type]
    return z, torch.arange(count) % trained.num_classes
