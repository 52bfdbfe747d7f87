"""Where things that can be computed again are kept between runs."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_zoo import sealed
from gan_zoo.records import write_bytes


def cache_folder() -> Path:
    """$GAN_ZOO_CACHE, or ~/.cache/gan_zoo; it need not exist."""
    return Path(os.environ.get("GAN_ZOO_CACHE") or "~/.cache/gan_zoo").expanduser()


def keep(path: Path, content: bytes, otherwise: str) -> None:
    """Write a file for other runs; if that fails it is told, with what follows from it.

    Args:
        path: in the cache folder.
        content: of the file.
        otherwise: what happens without it, such as "features will be computed anew".
    """
    try:
        write_bytes(path, content)
    except OSError as error:
        print(
            f"gan_zoo: {path} cannot be written ({error}): {otherwise}."
            " Set GAN_ZOO_CACHE to a folder that can be written",
            file=sys.stderr,
        )


def entry(values: Mapping[str, Any]) -> bytes:
    """A JSON file of what was computed, with its checksum."""
    content = {sealed.KEY: sealed.BLANK, "values": values}
    return sealed.sealed((json.dumps(content, indent=1) + "\n").encode())


def read_entry(path: Path) -> dict[str, Any] | None:
    """What ``entry`` made; None if there is no such file, or (told) it is damaged."""
    if not path.exists():
        return None
    try:
        content = path.read_bytes()
        sealed.check(content)
        values: dict[str, Any] = json.loads(content)["values"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        print(f"gan_zoo: {path} is damaged ({error!r}): computing anew", file=sys.stderr)
        return None
    return values
