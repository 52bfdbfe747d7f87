"""Where things that can be computed again are kept between runs."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_zoo.runs import checksum
from gan_zoo.runs.record import write_bytes


def cache_path(folder: str, name: str) -> Path | None:
    """Return where a file is kept, in $GAN_ZOO_CACHE or ~/.cache/gan_zoo; it need not exist.

    None without a home folder, which containers and batch systems may lack: nothing is kept then.
    """
    try:
        root = Path(os.environ.get("GAN_ZOO_CACHE") or "~/.cache/gan_zoo").expanduser()
    except RuntimeError:
        return None
    return root / folder / name


def keep(path: Path | None, content: bytes, otherwise: str) -> None:
    """Write a file for other runs; if that fails it is told, with what follows from it.

    Args:
        path: in the cache folder; None, told as well, if there is none.
        content: of the file.
        otherwise: what happens without it, such as "features will be computed anew".
    """
    problem = "there is no home folder for a cache"
    if path is not None:
        try:
            write_bytes(path, content)
            return
        except OSError as error:
            problem = f"{path} cannot be written ({error})"
    print(
        f"gan_zoo: {problem}: {otherwise}. Set GAN_ZOO_CACHE to a folder that can be written",
        file=sys.stderr,
    )


def is_there(path: Path) -> bool:
    """Return whether a kept file exists; in a folder that cannot be looked into, it does not."""
    try:
        return path.exists()
    except OSError:
        return False


def entry(values: Mapping[str, Any]) -> bytes:
    """A JSON file of what was computed, with its checksum."""
    content = {checksum.KEY: checksum.BLANK, "values": values}
    return checksum.sealed((json.dumps(content, indent=1) + "\n").encode())


def read_entry(path: Path | None) -> dict[str, Any] | None:
    """What ``entry`` made; None if there is no such file, or (told) it is damaged."""
    if path is None or not is_there(path):
        return None
    try:
        content = path.read_bytes()
        checksum.check(content)
        values: dict[str, Any] = json.loads(content)["values"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        print(f"gan_zoo: {path} is damaged ({error!r}): computing anew", file=sys.stderr)
        return None
    return values
