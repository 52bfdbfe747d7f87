"""Sample grids over epochs: frames for the page's slider and an animation for each run."""

import re
from dataclasses import dataclass

from PIL import Image

from gan_zoo.report import pictures
from gan_zoo.report.comparison import Comparison, Variant
from gan_zoo.report.load import Run

_FRAMES_PER_RUN = 12
_FRAMES_ON_PAGE = 132  # shared by all variants, so that the page stays small


@dataclass(frozen=True)
class Strip:
    """Grids of one run as the page shows them: a few epochs, the last one in better quality."""

    variant: int
    seed: int
    status: str
    epochs: tuple[int, ...]
    images: tuple[str, ...]  # data URIs


@dataclass(frozen=True)
class Evolution:
    """Everything made from the sample grids of all runs."""

    strips: tuple[Strip, ...]
    animations: dict[str, bytes]  # file name -> animated WebP
    finals: dict[int, Image.Image]  # variant -> last grid of its first run that has one


def evolution(comparison: Comparison) -> Evolution:
    """Read and encode the grids of all runs."""
    variants = [variant for variant in comparison.variants if variant.runs]
    frames = max(2, min(_FRAMES_PER_RUN, _FRAMES_ON_PAGE // max(1, len(variants))))
    jobs = [
        (variant, run, frames if run is shown_first(variant) else 1)
        for variant in variants
        for run in variant.runs
    ]
    found = [grids for job in jobs if (grids := _encode(*job)) is not None]
    finals: dict[int, Image.Image] = {}
    for grids in found:
        finals.setdefault(grids.strip.variant, grids.last)
    return Evolution(
        strips=tuple(grids.strip for grids in found),
        animations={grids.name: grids.moving for grids in found if grids.moving is not None},
        finals=finals,
    )


@dataclass(frozen=True)
class _Grids:
    strip: Strip
    name: str
    moving: bytes | None  # None for a single grid
    last: Image.Image


def _encode(variant: Variant, run: Run, on_page: int) -> _Grids | None:
    grids = pictures.epoch_grids(run, _FRAMES_PER_RUN)
    read = [(epoch, pictures.read_picture(path)) for epoch, path in grids]
    decoded = [(epoch, picture) for epoch, picture in read if picture is not None]
    if not decoded:
        return None
    step = max(1, -(-len(decoded) // on_page))
    shown = decoded[::-1][::step][::-1]  # counted from the last, which is always there
    images = [pictures.data_uri(picture, 65) for _, picture in shown[:-1]]
    images.append(pictures.data_uri(shown[-1][1], 85))
    epochs = tuple(epoch for epoch, _ in shown)
    strip = Strip(variant.index, run.record.seed, run.record.status, epochs, tuple(images))
    moving = pictures.animation([p for _, p in decoded]) if len(decoded) > 1 else None
    return _Grids(strip, animation_name(variant, run), moving, decoded[-1][1])


def shown_first(variant: Variant) -> Run:
    """The run whose pictures stand for the variant: its first finished one, else its first."""
    return (variant.finished or variant.runs)[0]


def animation_name(variant: Variant, run: Run) -> str:
    """A file name that says which run it is, whatever the variant is called."""
    words = re.sub(r"[^A-Za-z0-9_.=-]+", "_", variant.name)[:60]
    return f"{variant.index:02d}_{words}_seed{run.record.seed}.webp"
