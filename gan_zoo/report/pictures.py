"""Pictures that runs left behind, read with care: inside the run folder, of sane size."""

import base64
import io
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from gan_zoo.report.load import Run
from gan_zoo.runs import record

_MAX_PIXELS = 16_000_000
_MAX_SIDE = 640  # on the page; larger pictures are scaled down
_EPOCH_GRID = re.compile(r"plot_epoch_(\d{1,9})_generated\.png")
_SUFFIXES = (".png", ".webp", ".gif", ".jpg", ".jpeg")
_FORMATS = ("PNG", "WEBP", "GIF", "JPEG")  # whatever the name: PIL hands others to programs
_NOT_SHOWN = ("grid", "loss_curve")  # shown elsewhere; the page draws its own curves


def artifact_path(run: Run, name: str) -> Path | None:
    """The file of an artifact, if it exists and lies inside the run folder."""
    try:
        path = record.artifact_path(run.folder, run.record, name)
    except (record.RecordError, OSError):  # none such; a name too long, a loop of links
        return None
    return _inside(run.folder, path)


def _inside(folder: Path, path: Path) -> Path | None:
    try:
        path = path.resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None
    except OSError:  # a name too long, a loop of links
        return None


def picture_artifacts(run: Run) -> list[str]:
    """Names of further pictures that the run recorded: interpolations, neighbours, and so on."""
    return [
        name
        for name, path in run.record.artifacts.items()
        if name not in _NOT_SHOWN and path.lower().endswith(_SUFFIXES)
    ]


def epoch_grids(run: Run, most: int) -> list[tuple[int, Path]]:
    """At most so many of the run's sample grids, evenly over epochs, first and last included."""
    found = {}
    for path in sorted((run.folder / "samples").glob("plot_epoch_*_generated.png")):
        match = _EPOCH_GRID.fullmatch(path.name)
        if match and (inside := _inside(run.folder, path)) is not None:
            found[int(match[1])] = inside
    epochs = sorted(found)
    return [(epochs[i], found[epochs[i]]) for i in _spread(len(epochs), most)]


def _spread(count: int, most: int) -> list[int]:
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)] if most > 1 else [count - 1]


def read_picture(path: Path) -> Image.Image | None:
    """Decode a raster picture; None if it is damaged, too large or something else."""
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                return None
            return picture.convert("L" if picture.mode in ("1", "L", "I;16") else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def data_uri(picture: Image.Image, quality: int) -> str:
    """A picture inside the page, as WebP."""
    if max(picture.size) > _MAX_SIDE:
        picture = picture.copy()
        picture.thumbnail((_MAX_SIDE, _MAX_SIDE))
    out = io.BytesIO()
    picture.save(out, format="WEBP", quality=quality, method=2)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()


def animation(pictures: Sequence[Image.Image], milliseconds: int = 250) -> bytes:
    """An animated WebP that loops; pictures of another size than the first are left out."""
    first, *rest = pictures
    same = [picture for picture in rest if picture.size == first.size]
    out = io.BytesIO()
    first.save(
        out, format="WEBP", save_all=True, append_images=same, duration=milliseconds, loop=0,
        quality=60, method=0, kmin=0, kmax=0,  # no key frames: half the time, and smaller
    )  # fmt: skip
    return out.getvalue()
