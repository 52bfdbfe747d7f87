"""Read a folder of images, one subfolder for each class."""

import sys
import unicodedata
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from gan_zoo.data.idx import DataError
from gan_zoo.data.own import Part, check_memory, given_path, greyed, own_dataset
from gan_zoo.types import Dataset

# suffix -> format; PIL passes files of some others, such as EPS, to other programs
FORMATS = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".gif": "GIF", ".webp": "WEBP",
    ".tif": "TIFF", ".tiff": "TIFF", ".ppm": "PPM", ".pgm": "PPM",
}  # fmt: skip
SPLITS = {
    "train": "train", "training": "train", "val": "validation", "valid": "validation",
    "validation": "validation", "test": "test", "testing": "test",
}  # fmt: skip
MAX_PIXELS = 2**26  # of a picture before it is resized
MAX_SIZE = 1024  # of data.size
Background = Literal["black", "white"] | None


class Picture(NamedTuple):
    """A file and its class: the name of its folder below the part's."""

    path: Path
    name: str


def load_folder(
    root: str | None = None,
    size: int | None = None,
    grey: bool = False,
    pad: bool = False,
    background: Background = None,
) -> Dataset:
    """Load images by class folder as bytes (N, C, H, W), with C 1 if all are grey, else 3.

    ``root`` has a folder for each class; or ``train``, and perhaps ``validation`` and ``test``,
    that have these. Images that lie in ``root`` itself are of one class.

    Args:
        root: the folder.
        size: side of the square to which each image is resized, its middle if it is not square;
            None takes images as they are.
        grey: whether to convert colour to grey.
        pad: whether to repeat the borders up to sides that are multiples of four.
        background: black or white, behind transparent pixels; None refuses such images.

    Raises:
        DataError: If there is no image, one cannot be read, or they differ in size.
        ValueError: If ``size`` is out of range.
    """
    if size is not None and not 4 <= size <= MAX_SIZE:
        raise ValueError(f"data.size must be from 4 to {MAX_SIZE}, or null, got {size}")
    folder = given_path("data.root", root, "a folder with one subfolder of images for each class")
    if not folder.is_dir():
        raise DataError(f"data.root must be a folder, got the file {folder}")
    found = {name: _pictures(each) for name, each in _part_folders(folder).items()}
    pictures = [picture for part in found.values() for picture in part]
    images = _read(folder, pictures, size, background)
    images = greyed(images) if grey else images
    ends = np.cumsum([len(part) for part in found.values()])[:-1]
    parts = {
        name: Part(part_images, [picture.name for picture in part])
        for (name, part), part_images in zip(found.items(), np.split(images, ends), strict=True)
    }
    return own_dataset("folder", folder, parts, pad=pad)


def pixels(picture: Image.Image, background: Background = None) -> NDArray[np.uint8]:
    """Convert a picture of any kind to (H, W, 3) bytes.

    Raises:
        ValueError: If it has transparent pixels and there is no background for them, or real
            numbers for pixels.
    """
    if picture.mode == "F":
        raise ValueError(
            "it must have whole numbers as pixels: save it with 8 bits (mode L or RGB)"
        )
    if picture.mode.startswith("I"):  # 16 bits of grey
        wide = np.asarray(picture).astype(np.int64)
        narrow = ((wide + 128) // 257).clip(0, 255).astype(np.uint8)
        return np.repeat(narrow[..., None], 3, axis=2)
    if "A" in picture.mode or "transparency" in picture.info:
        above = picture.convert("RGBA")
        if background is not None:
            return np.asarray(
                Image.alpha_composite(Image.new("RGBA", above.size, background), above)
            )[..., :3]
        values = np.asarray(above)
        if (values[..., 3] < 255).any():
            raise ValueError(
                "it must have no transparent pixels: put it on its background and save it without"
                " transparency (PIL: alpha_composite)"
            )
        return values[..., :3]
    return np.asarray(picture.convert("RGB"))


def _part_folders(root: Path) -> dict[str, Path]:
    """Return the folder of each part by its name; ``root`` itself is ``train`` without any."""
    folders = _visible(root, folders=True)
    parts = {SPLITS[path.name.lower()]: path for path in folders if path.name.lower() in SPLITS}
    named = [path for path in folders if path.name.lower() in SPLITS]
    if not parts or (len(named) < len(folders) and not {"train", "test"} <= parts.keys()):
        return {"train": root}  # `train` may be a class, beside `car`
    if "train" not in parts or len(named) > len(parts) or len(named) < len(folders):
        raise DataError(
            f"{root} must have one folder for each class, or one of each of train, validation (if"
            f" any) and test (if any), got {', '.join(path.name for path in folders)}: rename or"
            " move the others away"
        )
    return {name: parts[name] for name in ("train", "validation", "test") if name in parts}


def _pictures(folder: Path) -> list[Picture]:
    """Return the pictures of a part, sorted by class and path whatever the file system's order."""
    classes = _visible(folder, folders=True)
    loose = [path for path in _visible(folder, folders=False) if path.suffix.lower() in FORMATS]
    if classes and loose:
        raise DataError(
            f"{folder} has both folders of classes ({classes[0].name}, ...) and images beside them"
            f" ({loose[0].name}, ...): move each image into the folder of its class"
        )
    found, others = [Picture(path, "all") for path in loose], []
    for each in classes:
        files = [p for p in sorted(each.rglob("*"), key=_order) if p.is_file() and _shown(p, each)]
        kept = [path for path in files if path.suffix.lower() in FORMATS]
        others += [path for path in files if path.suffix.lower() not in FORMATS]
        if not kept:
            raise DataError(
                f"{each} has no image ({', '.join(FORMATS)}): add some, or remove the folder"
            )
        found += [Picture(path, unicodedata.normalize("NFC", each.name)) for path in kept]
    if not found:
        raise DataError(
            f"{folder} has no folder of images: give as data.root the folder that has one subfolder"
            f" for each class, with files that end in {', '.join(FORMATS)}"
        )
    if others:
        print(
            f"gan_zoo: warning: {folder}: left out {len(others)} files that do not end in"
            f" {', '.join(FORMATS)}, such as {others[0]}",
            file=sys.stderr,
        )
    return found


def _visible(folder: Path, *, folders: bool) -> list[Path]:
    """Return the folders or files of a folder, without hidden ones, sorted."""
    found = [p for p in folder.iterdir() if p.is_dir() == folders and _shown(p, folder)]
    return sorted(found, key=_order)


def _shown(path: Path, folder: Path) -> bool:
    """Return whether a file is not one of those that desktops and notebooks leave behind."""
    parts = path.relative_to(folder).parts
    return not any(part.startswith(".") or part == "__MACOSX" for part in parts) and (
        path.name.lower() not in ("thumbs.db", "desktop.ini")
    )


def _order(path: Path) -> tuple[str, str]:
    return unicodedata.normalize("NFC", path.as_posix()), path.as_posix()


def _read(
    folder: Path, pictures: list[Picture], size: int | None, background: Background
) -> NDArray[np.uint8]:
    """Return all images, (N, 1 or 3, H, W)."""
    images: NDArray[Any] | None = None
    for place, (path, _) in enumerate(pictures):
        image = _open(path, size, background)
        if images is None:
            needed = len(pictures) * image.size
            check_memory(folder, needed, "resize them by data.size=32, or bring fewer")
            images = np.empty((len(pictures), *image.shape), np.uint8)
        if image.shape != images.shape[1:]:
            (first, second), (other, another) = images.shape[1:3], image.shape[:2]
            raise DataError(
                f"{folder}: images must have one size, got {first}x{second} ({pictures[0].path})"
                f" and {other}x{another} ({path}) pixels: resize all of them by data.size=32"
            )
        images[place] = image
    assert images is not None  # there is at least one picture
    if (images == images[..., :1]).all():
        images = images[..., :1]
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _open(path: Path, size: int | None, background: Background) -> NDArray[np.uint8]:
    try:
        with Image.open(path, formats=sorted(set(FORMATS.values()))) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError(
                    f"it may have at most {MAX_PIXELS} pixels, got {picture.width}x{picture.height}"
                )
            values = pixels(ImageOps.exif_transpose(picture), background)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        hint = "; or add data.background=white" if "transparen" in str(error) else ""
        raise DataError(
            f"cannot read {path} as an image ({error}){hint}. Replace or remove the file"
        ) from error
    if size is None:
        return values
    fitted = ImageOps.fit(Image.fromarray(values), (size, size), Image.Resampling.LANCZOS)
    return np.asarray(fitted)
