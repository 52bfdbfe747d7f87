"""Draw all static figures; those of many runs with a second process."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from matplotlib.figure import Figure

from gan_zoo.report.comparison import Comparison
from gan_zoo.report.figures import draw_all
from gan_zoo.report.plot_style import to_files
from gan_zoo.report.search import Budgets

_MANY = 24  # runs; with fewer, starting a process takes longer than it saves
# About as long to draw, records read again, as all others and the animations, ours meanwhile.
SECOND = frozenset({"losses_and_diagnostics", "distributions", "per_class"})
_Files = dict[str, bytes]
_Draw = Callable[[], Figure | None]


@contextmanager
def figures_begun(
    folders: Sequence[Path], comparison: Comparison, budgets: Budgets
) -> Iterator[Callable[[], _Files]]:
    """What completes the figures: file name -> content, a PNG and an SVG of each.

    With many runs, a second process draws its part already before that is called. A figure's bytes
    do not depend on who draws it.
    """
    drawings = draw_all(comparison, budgets)
    if sum(len(variant.runs) for variant in comparison.variants) < _MANY:
        yield lambda: render_figures(drawings)
        return
    ours = {name: draw for name, draw in drawings.items() if name not in SECOND}
    others = {name: draw for name, draw in drawings.items() if name in SECOND}
    with tempfile.TemporaryDirectory() as out, ThreadPoolExecutor(1) as waiting:
        theirs = waiting.submit(_second_process, folders, Path(out))

        def complete() -> _Files:
            files = render_figures(ours)
            if theirs.result():
                return files | {path.name: path.read_bytes() for path in Path(out).iterdir()}
            return files | render_figures(others)

        yield complete


def render_figures(drawings: Mapping[str, _Draw]) -> _Files:
    """The files of figures by name."""
    rendered = [render_figure(name, draw) for name, draw in drawings.items()]
    return {name: content for files in rendered for name, content in files.items()}


def render_figure(name: str, draw: _Draw) -> _Files:
    """The files of one figure; none where there is nothing to draw."""
    figure = draw()
    if figure is None:
        return {}
    return {f"{name}.{kind}": content for kind, content in to_files(figure).items()}


def _second_process(folders: Sequence[Path], out: Path) -> bool:
    """Whether a process of our own has drawn ``SECOND`` into a folder.

    Not by multiprocessing: that would run the user's script again, up to where it is now.
    """
    done = subprocess.run(
        [sys.executable, "-m", "gan_zoo.report.second", out, *folders],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        check=False,
    )
    return done.returncode == 0
