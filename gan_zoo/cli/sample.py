"""Draw samples from a trained run.

``gan-zoo sample RUN_DIR [key=value ...]`` writes ``grid.png`` (row = label),
``interpolation.png`` (a line between two latents for each label; of images only) and
``samples.npz``: ``images`` as the generator makes them, (N, C, H, W) float32 in [-1, 1], ``labels``
(N,) int64 and ``latents`` (N, latent_dim) float32.  The same options on the same machine write the
same bytes.  Options:

- ``labels``: 3 | 0-9 | 1,3,5-7 (all that there are)
- ``n``: samples of each label (10)
- ``seed``: of the latents; each label has its own stream (0)
- ``checkpoint``: last | best | an epoch's number (last)
- ``network``: auto | generator | generator_ema (auto: generator_ema where the run has one)
- ``out``: the folder to write into (sampled/seed-<seed> in the run's folder)
- ``overwrite``: whether files that are there are replaced (false)
- ``allow``: packages of yours, joined by commas, that the run's record may take objects from
"""

import io
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_zoo.cli.options import given_words, parse
from gan_zoo.cli.output import lasting_output
from gan_zoo.config.schema import MAX_SEED
from gan_zoo.runs.record import refuse_existing, write_bytes
from gan_zoo.training.load_generator import Trained, check_choice, trained_generator
from gan_zoo.training.memory import OutOfMemory, shortage_explained

if TYPE_CHECKING:
    from torch import Tensor

MAX_SAMPLES = 100_000  # of one command
COLUMNS = 32  # of the grid, at most
STEPS = 10  # columns of the interpolation


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    labels: str = ""
    n: int = 10
    seed: int = 0
    checkpoint: str = "last"
    network: str = "auto"
    out: str = ""
    overwrite: bool = False
    allow: str = ""

    def __post_init__(self) -> None:
        check_choice(self.network, self.checkpoint)
        if self.n < 1:
            raise ValueError(f"n is {self.n}; allowed: 1 or more samples of each label")
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"seed is {self.seed}; allowed: from 0 to {MAX_SEED}")


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> None:
    """Draw and write; a mistake ends the process with a message."""
    words = given_words(arguments, __file__)
    if not words:
        return
    try:
        with shortage_explained("Choose a smaller n"):
            paths = sample(Path(words[0]), parse(words[1:], Options))
        for path in paths:
            print(f"gan_zoo: written: {path}")
    except (ValueError, OSError, ArithmeticError, RecursionError, OutOfMemory) as error:
        sys.exit(f"gan_zoo: {error}")


def sample(folder: Path, options: Options) -> list[Path]:
    """Draw samples of a run and write them; the files.

    Raises:
        ValueError: anything that does not fit: options, the run, its weights, files that are there.
        ArithmeticError: the generator makes NaN or infinity.
    """
    trained = trained_generator(folder, options.network, options.checkpoint, options.allow)
    labels = parse_labels(options.labels or f"0-{trained.num_classes - 1}", trained.num_classes)
    if options.n * len(labels) > MAX_SAMPLES:
        raise ValueError(
            f"n is {options.n} for {len(labels)} labels; allowed: {MAX_SAMPLES} samples in all"
        )
    out = (
        Path(options.out).expanduser()
        if options.out
        else folder / "sampled" / f"seed-{options.seed}"
    )
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
    """Labels from numbers and ranges joined by commas, in the order given.

    >>> parse_labels("1,3,5-7", 10)
    [1, 3, 5, 6, 7]

    Raises:
        ValueError: no such list, a label twice, or one that there is not.
    """
    labels: list[int] = []
    for word in text.split(","):
        found = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", word.strip())
        first, last = (0, -1) if found is None else (int(found[1]), int(found[2] or found[1]))
        if first > last or last >= num_classes:
            raise ValueError(
                f"labels has {word!r}; allowed: labels from 0 to {num_classes - 1} and ranges of"
                " them, as 3, 0-9 or 1,3,5-7"
            )
        labels += range(first, last + 1)
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"labels is {text!r}; it names {twice[0]} twice")
    return labels


def _drawn(
    trained: Trained, labels: list[int], count: int, seed: int
) -> "tuple[Tensor, Tensor, Tensor]":
    """Latents, labels and samples, label by label."""
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
        raise NonFiniteSamples(f"with the weights in {trained.weights}, samples hold NaN")
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
