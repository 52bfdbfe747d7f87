"""Pictures that runs left behind: sample grids over epochs, and a gallery of the others.

Only files inside the run folder are opened, in a few raster formats and of bounded size.
"""

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gan_zoo.report.comparison import Variant
from gan_zoo.report.load import Run
from gan_zoo.runs import record

MAX_PIXELS = 16_000_000
MAX_SIDE = 640  # on the page; larger pictures are scaled down
MAX_FRAMES = 12  # of one run
MAX_FRAMES_ON_PAGE = 132  # shared by all variants, so that the page stays small
_EPOCH_GRID = re.compile(r"plot_epoch_(\d{1,9})_generated\.png")
_SUFFIXES = (".png", ".webp", ".gif", ".jpg", ".jpeg")
_FORMATS = ("PNG", "WEBP", "GIF", "JPEG")  # whatever the name: PIL runs programs to read others
MAX_ANIMATION = 1_000_000  # bytes; of a larger one the page shows the first frame
# shown elsewhere; the page draws its own curves; the strip has frames of the animation
_NOT_SHOWN = ("grid", "loss_curve", "motion_strip")
_TITLES = {
    "interpolation": "Interpolation between latents",
    "class_walk": "One latent through all classes",
    "nearest_neighbours": "Samples with their nearest training images",
    "nearest_neighbors": "Samples with their nearest training images",
    "motion": "Training in motion",
    "landscape": "Critic landscape",
    "critic_landscape": "Critic landscape",
}


@dataclass(frozen=True)
class Strip:
    """Sample grids of one run on the page: a few epochs, the last one in better quality."""

    variant: int
    seed: int
    status: str
    epochs: tuple[int, ...]
    images: tuple[str, ...]  # data URIs


@dataclass(frozen=True)
class SampleStrips:
    """Everything made from the sample grids of all runs."""

    strips: tuple[Strip, ...]
    animations: dict[str, bytes]  # file name -> animated WebP
    finals: dict[int, Image.Image]  # variant -> last grid of its first run that has one


@dataclass(frozen=True)
class Picture:
    """A picture of one run."""

    variant: Variant
    seed: int
    image: str  # data URI
    size: tuple[int, int]  # as recorded, so that the page can reserve its place


def sample_strips(variants: Sequence[Variant]) -> SampleStrips:
    """Read and encode the sample grids of all runs; a variant's first run gets several epochs."""
    on_page = max(2, min(MAX_FRAMES, MAX_FRAMES_ON_PAGE // max(1, len(variants))))
    strips: list[Strip] = []
    animations: dict[str, bytes] = {}
    finals: dict[int, Image.Image] = {}
    for variant in variants:
        shown_first = (variant.finished or variant.runs)[0]
        for run in variant.runs:
            grids = [(e, read_picture(path)) for e, path in epoch_grids(run, MAX_FRAMES)]
            decoded = [(epoch, picture) for epoch, picture in grids if picture is not None]
            if not decoded:
                continue
            step = -(-len(decoded) // on_page) if run is shown_first else len(decoded)
            shown = decoded[::-1][::step][::-1]  # counted from the last, which is always shown
            images = [data_uri(picture, 65) for _, picture in shown[:-1]]
            images.append(data_uri(shown[-1][1], 85))
            epochs = tuple(epoch for epoch, _ in shown)
            seed, status = run.record.seed, run.record.status
            strips.append(Strip(variant.index, seed, status, epochs, tuple(images)))
            finals.setdefault(variant.index, decoded[-1][1])
            if len(decoded) > 1:
                animations[animation_name(variant, run)] = animation([p for _, p in decoded])
    return SampleStrips(tuple(strips), animations, finals)


def gallery(variants: Sequence[Variant]) -> dict[str, list[Picture]]:
    """Return title -> the picture of each variant's first run that recorded it.

    These are all pictures but the grids: interpolations, class walks, neighbors, landscapes.
    """
    found: dict[str, list[Picture]] = {}
    for variant in variants:
        shown: set[str] = set()
        for run in (*variant.finished, *variant.runs):
            for name, file in run.record.artifacts.items():
                if name in {*shown, *_NOT_SHOWN} or not file.lower().endswith(_SUFFIXES):
                    continue
                path = artifact_path(run, name)
                picture = read_picture(path) if path else None
                if picture is not None:
                    shown.add(name)
                    title = _TITLES.get(name, name.replace("_", " ").capitalize())
                    image = (path and moving_uri(path)) or data_uri(picture, 80)
                    entry = Picture(variant, run.record.seed, image, picture.size)
                    found.setdefault(title, []).append(entry)
    return dict(sorted(found.items()))


def artifact_path(run: Run, name: str) -> Path | None:
    """Return the file of an artifact if it exists inside the run folder."""
    try:
        return _inside(run.folder, record.artifact_path(run.folder, run.record, name))
    except (record.RecordError, OSError):  # not recorded; a name too long, a loop of links
        return None


def _inside(folder: Path, path: Path) -> Path | None:
    try:
        path = path.resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None
    except OSError:  # a name too long, a loop of links
        return None


def epoch_grids(run: Run, most: int) -> list[tuple[int, Path]]:
    """Return at most so many sample grids, evenly over epochs, with the first and the last."""
    found = {}
    for path in sorted((run.folder / "samples").glob("plot_epoch_*_generated.png")):
        match = _EPOCH_GRID.fullmatch(path.name)
        if match and (inside := _inside(run.folder, path)) is not None:
            found[int(match[1])] = inside
    epochs = sorted(found)
    places = np.linspace(0, len(epochs) - 1, min(most, len(epochs))).round().astype(int)
    return [(epochs[place], found[epochs[place]]) for place in places]


def animation_name(variant: Variant, run: Run) -> str:
    """Return a file name that identifies the run and is safe whatever the variant's name is."""
    words = re.sub(r"[^A-Za-z0-9_.=-]+", "_", variant.name)[:60]
    return f"{variant.index:02d}_{words}_seed{run.record.seed}.webp"


def read_picture(path: Path) -> Image.Image | None:
    """Decode a raster picture; None if it is damaged, too large or of another format."""
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return None
            return picture.convert("L" if picture.mode in ("1", "L", "I;16") else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def data_uri(picture: Image.Image, quality: int) -> str:
    """Return a picture as a data URI of WebP, for use inside the page."""
    if max(picture.size) > MAX_SIDE:
        picture = picture.copy()
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
    out = io.BytesIO()
    picture.save(out, format="WEBP", quality=quality, method=2)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()


def moving_uri(path: Path) -> str | None:
    """Return an animated WebP as a data URI; None for any other picture, and for a large one."""
    with Image.open(path, formats=_FORMATS) as picture:
        moves = picture.format == "WEBP" and getattr(picture, "n_frames", 1) > 1
    if not moves or path.stat().st_size > MAX_ANIMATION:
        return None
    return "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode()


def animation(pictures: Sequence[Image.Image], milliseconds: int = 250) -> bytes:
    """Return an animated WebP that loops; pictures of another size than the first are left out."""
    first, *rest = pictures
    same = [picture for picture in rest if picture.size == first.size]
    out = io.BytesIO()
    first.save(
        out, format="WEBP", save_all=True, append_images=same, duration=milliseconds, loop=0,
        quality=60, method=0, kmin=0, kmax=0,  # no key frames: half the time, and smaller
    )  # fmt: skip
    return out.getvalue()
