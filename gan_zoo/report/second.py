"""The second process of a report: ``python -m gan_zoo.report.second OUT FOLDER [FOLDER ...]``."""

import sys
from pathlib import Path

from gan_zoo.report.comparison import compare
from gan_zoo.report.figures import draw_all
from gan_zoo.report.load import load
from gan_zoo.report.rendering import SECOND, render_figures
from gan_zoo.report.search import search_all


def main() -> None:
    """Draw its part of the figures into the first folder, from the records below the others."""
    out, *folders = map(Path, sys.argv[1:])
    comparison = compare(load(folders))
    drawings = draw_all(comparison, search_all(comparison))
    theirs = {name: draw for name, draw in drawings.items() if name in SECOND}
    for name, content in render_figures(theirs).items():
        (out / name).write_bytes(content)


if __name__ == "__main__":
    main()
