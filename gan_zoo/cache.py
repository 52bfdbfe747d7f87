"""Where things that can be computed again are kept between runs."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """$GAN_ZOO_CACHE, or ~/.cache/gan_zoo; it need not exist."""
    return Path(os.environ.get("GAN_ZOO_CACHE") or "~/.cache/gan_zoo").expanduser()
