"""The second process of a report: ``python -m gan_zoo.report.second OUT``."""

import pickle
import sys
from pathlib import Path

from gan_zoo.report.figures import draw_all
from gan_zoo.report.rendering import SECOND, render_figures


def main() -> None:
    """Draw its part of the figures into the folder, of what the first process hands it."""
    out = Path(sys.argv[1])
    comparison, budgets = pickle.loads(sys.stdin.buffer.read())  # nobody else's
    drawings = draw_all(comparison, budgets)
    theirs = {name: draw for name, draw in drawings.items() if name in SECOND}
    for name, content in render_figures(theirs).items():
        (out / name).write_bytes(content)


if __name__ == "__main__":
    main()
