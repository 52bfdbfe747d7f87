"""The verb ``sample``: draw samples from a trained run."""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from gan_zoo.cli.options import Verb, WeightsOptions
from gan_zoo.config.schema import MAX_SEED, Range
from gan_zoo.runs.record import refuse_existing, write_bytes
from gan_zoo.training.load_generator import Trained, trained_generator

if TYPE_CHECKING:
    from torch import Tensor

MAX_SAMPLES = 100_000  # of one command
COLUMNS = 32  # of the grid, at most
STEPS = 10  # columns of the interpolation
HELP = """\
Draw samples from a trained run and write grid.png (row = label), interpolation.png (a line between
two latents for each label; of images only) and samples.npz: images as the generator makes them,
(N, C, H, W) float32 in [-1, 1], labels (N,) int64 and latents (N, latent_dim) float32. The same
options on the same machine write the same bytes."""


@dataclass(frozen=True)
class Options(WeightsOptions):
    """Options of ``gan-zoo sample``."""

    labels: Annotated[str, "such as 3, 0-9 or 1,3,5-7 (default: all)"] = ""
    n: Annotated[int, Range(1), "samples of each label"] = 10
    seed: Annotated[int, Range(0, MAX_SEED), "of the latents; each label has its own stream"] = 0
    out: Annotated[str, "folder to write into (default: sampled/seed-<seed> in the run's)"] = ""
    overwrite: Annotated[bool, "replace existing files"] = False


def sample(folder: Path, options: Options) -> list[Path]:
    """Draw samples of a run, write them, and return the files.

    Raises:
        ValueError: options, a run or weights that cannot be used, or existing files.
        ArithmeticError: the generator makes NaN or infinity.
    """
    trained = trained_generator(folder, options.network, options.checkpoint, options.allow)
    labels = parse_labels(options.labels or f"0-{trained.num_classes - 1}", trained.num_classes)
    if options.n * len(labels) > MAX_SAMPLES:
        raise ValueError(
            f"n must be at most {MAX_SAMPLES // len(labels)} for {len(labels)} labels"
            f" ({MAX_SAMPLES} samples in all), got {options.n}"
        )
    usual = folder / "sampled" / f"seed-{options.seed}"
    out = Path(options.out).expanduser() if options.out else usual
    pictures = {"grid.png": _grid, "interpolation.png": _interpolation}
    if len(trained.sample_shape) != 3:
        pictures.pop("interpolation.png")
    refuse_existing(
        (out / name for name in (*pictures, "samples.npz")), overwrite=options.overwrite
    )
    latents, wanted, images = _drawn(trained, labels, options.n, options.seed)
    files = {name: draw(trained, labels, images, options) for name, draw in pictures.items()}
    files["samples.npz"] = _npz(images=images, labels=wanted, latents=latents)
    for name, content in files.items():
        write_bytes(out / name, content)
    return [out / name for name in files]


def parse_labels(text: str, num_classes: int) -> list[int]:
    """Return labels from numbers and ranges joined by commas, in the order given.

    >>> parse_labels("1,3,5-7", 10)
    [1, 3, 5, 6, 7]

    Raises:
        ValueError: not such a list, a label twice, or a label out of range.
    """
    labels: list[int] = []
    for word in text.split(","):
        found = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", word.strip())
        first, last = (0, -1) if found is None else (int(found[1]), int(found[2] or found[1]))
        if first > last or last >= num_classes:
            raise ValueError(
                f"labels must be numbers from 0 to {num_classes - 1} and ranges of them, such as 3,"
                f" 0-9 or 1,3,5-7, got {word!r}"
            )
        labels += range(first, last + 1)
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"labels must name each label once, got {twice[0]} twice in {text!r}")
    return labels


def _drawn(
    trained: Trained, labels: list[int], count: int, seed: int
) -> "tuple[Tensor, Tensor, Tensor]":
    """Return latents, labels and samples, label by label."""
    import torch

    z = torch.cat([_latents(trained, count, seed, f"samples of label {k}") for k in labels])
    wanted = torch.tensor(labels).repeat_interleave(count)
    return z, wanted, _made(trained, z, wanted)


def _latents(trained: Trained, count: int, seed: int, purpose: str) -> "Tensor":
    from gan_zoo.data.random_streams import stream

    return trained.latents(count, int(trained.network.latent_dim), stream(seed, purpose))  # type: ignore[arg-type]


def _made(trained: Trained, z: "Tensor", labels: "Tensor") -> "Tensor":
    import torch

    from gan_zoo.evaluation.fixed_latents import CHUNK, NonFiniteSamples, evaluating

    with evaluating(trained.network):
        pairs = zip(z.split(CHUNK), labels.split(CHUNK), strict=True)
        images = torch.cat([trained.network(part, which) for part, which in pairs])
    if not bool(images.isfinite().all()):
        raise NonFiniteSamples(f"with the weights in {trained.weights}, samples contain NaN")
    return images


def _grid(trained: Trained, labels: list[int], images: "Tensor", options: Options) -> bytes:
    from gan_zoo.training.pictures import sample_grid, sample_scatter

    if len(trained.sample_shape) != 3:
        return sample_scatter(images)
    columns = min(options.n, COLUMNS)
    shown = images.unflatten(0, (len(labels), options.n))[:, :columns]
    return sample_grid(shown.flatten(0, 1), columns)


def _interpolation(
    trained: Trained, labels: list[int], images: "Tensor", options: Options
) -> bytes:
    import torch

    from gan_zoo.training.pictures import sample_grid

    ends = torch.stack([
        _latents(trained, 2, options.seed, f"interpolation of label {label}") for label in labels
    ])  # fmt: skip
    share = torch.linspace(0, 1, STEPS)[None, :, None]
    z = (ends[:, :1] + share * (ends[:, 1:] - ends[:, :1])).flatten(0, 1)
    return sample_grid(_made(trained, z, torch.tensor(labels).repeat_interleave(STEPS)), STEPS)


def _npz(**arrays: "Tensor") -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    named: dict[str, Any] = {name: array.numpy() for name, array in arrays.items()}
    np.savez_compressed(buffer, **named)
    return buffer.getvalue()


def run(folders: list[Path], options: Options) -> None:
    """Draw, write and print the files' paths."""
    for path in sample(folders[0], options):
        print(f"gan_zoo: written: {path}")


main = Verb("sample", "RUN_DIR", HELP, Options, run).main
