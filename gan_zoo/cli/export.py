"""The verb ``export``: write a run's generator for other programs, checked against the original."""

import io
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gan_zoo.cli.options import Verb, WeightsOptions
from gan_zoo.cli.web_page import check_images, web_page
from gan_zoo.cli.web_runtime import web_runtime
from gan_zoo.config.schema import OneOf
from gan_zoo.config.validate import one_line, require_extra
from gan_zoo.runs.record import refuse_existing, write_bytes
from gan_zoo.training.load_generator import Trained, trained_generator
from gan_zoo.types import ConfigurationError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Function = Callable[[Tensor, Tensor], Tensor]

SUFFIXES = {"onnx": ".onnx", "torch_export": ".pt2", "web": ".html"}
BATCHES = (1, 2, 7, 64)  # sizes at which the file is compared with the generator
MAX_DIFFERENCE = 1e-4  # of an image's largest absolute value, or of 1; float32 rounds to 1e-7
HELP = """\
Write a run's generator as one file: a function of latents (N, latent_dim) float32, drawn like the
run's, and labels (N,) int64 that returns images (N, C, H, W) float32 in [-1, 1], for any N.
format=web writes a page that draws images in any browser, without a network. onnx and web need
pip install 'gan-zoo[onnx]'; web also a JavaScript package that npm fetches once. TorchScript is not
offered: PyTorch deprecates it in favour of torch.export."""


@dataclass(frozen=True)
class Options(WeightsOptions):
    """Options of ``gan-zoo export``."""

    format: Annotated[str, OneOf(tuple(SUFFIXES))] = "onnx"
    out: Annotated[
        str, "file to write (default: exported/<network>_<checkpoint> with .onnx, .pt2 or .html)"
    ] = ""
    overwrite: Annotated[bool, "replace an existing file"] = False
    runtime: Annotated[
        str, "format=web: onnxruntime-web, a folder or .tgz (default: fetched by npm, once)"
    ] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.runtime and self.format != "web":
            raise ConfigurationError(f"runtime is for format=web, got format={self.format}")


def export(folder: Path, options: Options) -> tuple[Path, float]:
    """Write the file; return its path and the largest difference of a pixel from the generator's.

    Raises:
        ValueError: options, a run or weights that cannot be used, an existing file, a missing
            package, or an export that computes something else.
    """
    if options.format != "torch_export":
        require_extra(f"format={options.format}", "onnx", "onnx", "onnxscript", "onnxruntime")
    trained = trained_generator(folder, options.network, options.checkpoint, options.allow)
    name = f"{trained.name}_{options.checkpoint}{SUFFIXES[options.format]}"
    path = Path(options.out).expanduser() if options.out else folder / "exported" / name
    refuse_existing([path], overwrite=options.overwrite)
    if options.format == "web":
        check_images(trained.sample_shape)
        runtime = web_runtime(options.runtime)
    if options.format == "torch_export":
        content = to_torch_export(trained)
        difference = largest_difference(trained, from_torch_export(content))
    else:
        content = to_onnx(trained)
        difference = largest_difference(trained, from_onnx(content))
    if not difference <= MAX_DIFFERENCE:
        raise ValueError(
            f"{path} is not written: its images differ from the generator's by {difference:.2g},"
            f" more than {MAX_DIFFERENCE}"
        )
    if options.format == "web":
        content = web_page(trained, options.checkpoint, content, runtime).encode()
    write_bytes(path, content)
    return path, difference


def largest_difference(trained: Trained, function: "Function") -> float:
    """Return the difference of the generator's images from a function's, relative where above 1.

    Latents are drawn as the run's, labels cycle through the classes, batch sizes are ``BATCHES``.
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
                raise ValueError(f"{count} images have shape {tuple(images.shape)} in the export")
            found.append(((images - expected).abs() / expected.abs().clamp(min=1)).max())
    return float(torch.stack(found).max())


def to_torch_export(trained: Trained) -> bytes:
    """Return the content of a ``.pt2`` file, for ``torch.export.load``."""
    import torch

    buffer = io.BytesIO()
    torch.export.save(_program(trained), buffer)
    return buffer.getvalue()


def from_torch_export(content: bytes) -> "Function":
    """Return the function in such a file."""
    import torch

    function: Function = torch.export.load(io.BytesIO(content)).module()
    return function


def to_onnx(trained: Trained) -> bytes:
    """Return an ONNX model with its weights inside and its run in the metadata."""
    import torch

    program = torch.onnx.export(
        _program(trained), dynamo=True, external_data=False, verbose=False,
        input_names=["latents", "labels"], output_names=["images"],
    )  # fmt: skip
    assert program is not None
    model = program.model_proto
    record = trained.record
    origin = {"run_id": record.run_id, "loss": record.loss, "seed": str(record.seed),
              "weights": trained.weights.name}  # fmt: skip
    for key, value in origin.items():
        model.metadata_props.add(key=f"gan_zoo.{key}", value=value)
    content: bytes = model.SerializeToString()
    return content


def from_onnx(content: bytes) -> "Function":
    """Return the function in such a model, as onnxruntime computes it on the CPU."""
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def function(z: "Tensor", labels: "Tensor") -> "Tensor":
        (images,) = session.run(None, {"latents": z.numpy(), "labels": labels.numpy()})
        return torch.from_numpy(images)

    return function


def _program(trained: Trained) -> "torch.export.ExportedProgram":
    """Return the generator's graph, for any number of samples.

    Raises:
        ValueError: torch cannot follow what the generator does.
    """
    import torch

    from gan_zoo.models.layers import UpsampleConv2d

    network = deepcopy(trained.network)  # the original is what the export is checked against
    for layer in network.modules():
        if isinstance(layer, UpsampleConv2d):
            layer.by_phases = True
    batch = torch.export.Dim("batch")
    with torch.no_grad(), warnings.catch_warnings():
        # raised by torch itself, while it flattens its inputs
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"torch|copyreg")
        try:
            return torch.export.export(
                network, _inputs(trained, 2), dynamic_shapes=({0: batch}, {0: batch})
            )
        except Exception as error:
            raise ValueError(
                f"torch.export cannot export {type(network).__name__}: {one_line(error)[:300]}. It"
                " follows tensors alone, for any number of samples: z.shape[0], not len(z) or"
                " float(z)"
            ) from error


def _inputs(trained: Trained, count: int) -> "tuple[Tensor, Tensor]":
    import torch

    from gan_zoo.data.random_streams import stream

    rng = stream(0, f"{count} latents for an exported generator")
    z = trained.latents(count, int(trained.network.latent_dim), rng)  # type: ignore[arg-type]
    return z, torch.arange(count) % trained.num_classes


def run(folders: list[Path], options: Options) -> None:
    """Export and print how exact the file is."""
    path, difference = export(folders[0], options)
    print(
        f"gan_zoo: written: {path} ({path.stat().st_size / 1e6:.1f} MB; differs from the generator"
        f" by {difference:.1g} at most)"
    )


main = Verb("export", "RUN_DIR", HELP, Options, run).main
