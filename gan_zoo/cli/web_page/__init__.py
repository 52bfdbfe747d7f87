"""The web page of an exported generator: model, runtime and controls in one HTML file."""

import base64
import gzip
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from gan_zoo.cli.web_runtime import PACKAGE, SCRIPT, WASM
from gan_zoo.training.load_generator import Trained

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DRAWS = 10_000  # latents whose quantiles stand for their distribution
QUANTILES = 65
VISIBLE = 1e-3  # change of a pixel in [-1, 1]; less is rounding
_FOLDER = files("gan_zoo.cli.web_page")


def web_page(trained: Trained, checkpoint: str, model: bytes, runtime: Mapping[str, bytes]) -> str:
    """Return the page, which asks the network for nothing.

    Args:
        trained: the generator, of images.
        checkpoint: whose weights it has, as the option of that name.
        model: the generator as ONNX.
        runtime: the files of onnxruntime-web.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    from gan_zoo.report.page import to_script

    script = _read("page.js")
    data = {
        "shape": trained.sample_shape,
        "classes": label_count(trained),
        "quantiles": latent_quantiles(trained).tolist(),
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_read("page.html")).render(
        css=Markup(_read("page.css")),  # our own files, and JSON with <, > and & escaped
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=Markup(to_script(data)),
        embedded={
            "model": _packed(model), "runtime": _packed(runtime[SCRIPT]),
            "wasm": _packed(runtime[WASM]),
        },
        classes=data["classes"],
        package=PACKAGE,
        licence=(files("onnxruntime") / "LICENSE").read_text(encoding="utf-8"),
        **facts(trained, checkpoint),
    )  # fmt: skip


def check_images(shape: Sequence[int]) -> None:
    """Check that a page can draw samples of this shape.

    Raises:
        ValueError: they are not images.
    """
    if len(shape) != 3:
        raise ValueError(
            "format=web draws images (channels, height, width), and this run's samples have shape"
            f" {tuple(shape)}: choose format=onnx or torch_export"
        )


def facts(trained: Trained, checkpoint: str) -> dict[str, Any]:
    """Return what the page says of the run: its loss, data, length, FID and weights."""
    from gan_zoo.report.formatting import count, short
    from gan_zoo.report.quantities import ordered

    record = trained.record
    prefix = {"last": "", "best": "best_"}.get(checkpoint)  # None: an epoch, not measured alone
    if prefix is not None and trained.name == "generator_ema":
        prefix += "ema_"
    known = [m for m in ordered(set(record.metrics)) if m.checkpoint == prefix]
    lines = [f"seed {record.seed}"]
    if "generator_updates" in record.progress:
        lines.append(f"{count(record.progress['generator_updates'])} generator updates")
    if record.status != "finished":
        lines.append(record.status)
    for metric in [m for m in known if m.base.startswith("fid_")][:1]:
        real = record.reference_scores.get(metric.base, {}).get("real")
        beside = f" (real images {short(real, 3)})" if real is not None else ""
        lines.append(f"FID {short(record.metrics[metric.name], 3)}{beside}")
    version = record.environment.get("gan_zoo")
    return {
        "loss": record.loss,
        "dataset": record.dataset.get("name"),
        "facts": lines,
        "origin": [
            *([f"gan_zoo {version}"] if version else []),
            f"run {record.run_id}",
            f"weights {trained.weights.name}",
        ],
    }


def latent_quantiles(trained: Trained) -> "NDArray[np.float32]":
    """Return (latent_dim, QUANTILES): the distribution of each dimension of the run's latents."""
    import numpy as np

    from gan_zoo.data.random_streams import stream

    rng = stream(0, "latents whose quantiles an exported page draws by")
    drawn = trained.latents(DRAWS, int(trained.network.latent_dim), rng)  # type: ignore[arg-type]
    found: NDArray[np.float32] = np.quantile(drawn.numpy(), np.linspace(0, 1, QUANTILES), axis=0)
    return found.T.astype(np.float32)


def label_count(trained: Trained) -> int:
    """Return the number of classes; 1 if the generator ignores its label."""
    import torch

    from gan_zoo.data.random_streams import stream
    from gan_zoo.evaluation.fixed_latents import evaluating

    count = min(trained.num_classes, 10)
    rng = stream(0, "latents by which an exported page tells whether labels count")
    z = trained.latents(1, int(trained.network.latent_dim), rng)  # type: ignore[arg-type]
    with evaluating(trained.network):
        images = trained.network(z.repeat(count, *[1] * (z.dim() - 1)), torch.arange(count))
    change = float((images - images[:1]).abs().max())
    return trained.num_classes if change > VISIBLE else 1


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
