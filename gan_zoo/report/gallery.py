"""Further pictures that runs recorded: interpolations, class walks, neighbours, landscapes."""

from dataclasses import dataclass

from gan_zoo.report import pictures
from gan_zoo.report.comparison import Variant

_TITLES = {
    "interpolation": "Interpolation between latents",
    "class_walk": "One latent through all classes",
    "nearest_neighbours": "Samples with their nearest training images",
    "nearest_neighbors": "Samples with their nearest training images",
    "landscape": "Critic landscape",
    "critic_landscape": "Critic landscape",
}


@dataclass(frozen=True)
class Picture:
    """A picture of one run."""

    variant: Variant
    seed: int
    image: str  # data URI
    size: tuple[int, int]  # as recorded; the page keeps its place free


def gallery(variants: tuple[Variant, ...]) -> dict[str, list[Picture]]:
    """Title -> the picture of each variant's first run that recorded it."""
    found: dict[str, list[Picture]] = {}
    for variant in variants:
        shown: set[str] = set()
        for run in (*variant.finished, *variant.runs):
            for name in pictures.picture_artifacts(run):
                path = pictures.artifact_path(run, name)
                picture = pictures.read_picture(path) if name not in shown and path else None
                if picture is not None:
                    shown.add(name)
                    title = _TITLES.get(name, name.replace("_", " ").capitalize())
                    uri = pictures.data_uri(picture, 80)
                    found.setdefault(title, []).append(
                        Picture(variant, run.record.seed, uri, picture.size)
                    )
    return dict(sorted(found.items()))
