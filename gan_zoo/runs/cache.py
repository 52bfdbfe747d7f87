"""A folder for results that can be computed again, shared by all runs."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_zoo.runs import checksum
from gan_zoo.runs.record import write_bytes


def cache_path(folder: str, name: str) -> Path | None:
    """Return the path of a cached file, in $GAN_ZOO_CACHE or ~/.cache/gan_zoo; it need not exist.

    None if there is no home folder, as in some containers and batch systems: nothing is cached.
    """
    try:
        root = Path(os.environ.get("GAN_ZOO_CACHE") or "~/.cache/gan_zoo").expanduser()
    except RuntimeError:
        return None
    return root / folder / name


def keep(path: Path | None, content: bytes, otherwise: str) -> None:
    """Write a cached file; if that fails, print a warning with the consequence.

    Args:
        path: in the cache folder; None, which prints the warning, if there is none.
        content: of the file.
        otherwise: the consequence, such as "each run computes features again".
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
    """Return whether a cached file exists and its folder can be read."""
    try:
        return path.exists()
    except OSError:
        return False


def entry(values: Mapping[str, Any]) -> bytes:
    """Return a JSON file of values with its checksum."""
    content = {checksum.KEY: checksum.BLANK, "values": values}
    return checksum.with_checksum((json.dumps(content, indent=1) + "\n").encode())


def read_entry(path: Path | None) -> dict[str, Any] | None:
    """Return the values of an ``entry``; None if there is no such file or it is damaged."""
    if path is None or not is_there(path):
        return None
    try:
        content = path.read_bytes()
        checksum.check(content)
        values: dict[str, Any] = json.loads(content)["values"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        print(f"gan_zoo: {path} is damaged ({error!r}): computing it again", file=sys.stderr)
        return None
    return values
