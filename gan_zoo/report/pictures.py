"""Pictures that runs left behind, read with care: inside the run folder, of sane size."""

import base64
import io
from pathlib import Path

from PIL import Image

from gan_zoo.report.load import Run

_MAX_PIXELS = 16_000_000


def artifact_path(run: Run, name: str) -> Path | None:
    """The file of an artifact, if it exists and lies inside the run folder."""
    relative = run.record.artifacts.get(name)
    if relative is None or "\0" in relative:
        return None
    path = (run.folder / relative).resolve()
    return path if path.is_relative_to(run.folder) and path.is_file() else None


def read_picture(path: Path) -> Image.Image | None:
    """Decode a raster picture; None if it is damaged, too large or something else."""
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                return None
            return picture.convert("L" if picture.mode in ("1", "L", "I;16") else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def data_uri(picture: Image.Image) -> str:
    """A lossless picture inside the page."""
    out = io.BytesIO()
    picture.save(out, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def final_grid(run: Run) -> str | None:
    """The run's last grid of samples as a data URI."""
    path = artifact_path(run, "grid")
    picture = read_picture(path) if path else None
    return data_uri(picture) if picture else None
