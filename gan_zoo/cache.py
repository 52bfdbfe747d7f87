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


def write_entry(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file of what was computed, with its checksum.

    Raises:
        OSError: the file cannot be written.
    """
    content = {sealed.KEY: sealed.BLANK, "values": values}
    write_bytes(path, sealed.sealed((json.dumps(content, indent=1) + "\n").encode()))


def read_entry(path: Path) -> dict[str, Any] | None:
    """What ``write_entry`` wrote; None if there is no such file, or (told) it is damaged."""
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
