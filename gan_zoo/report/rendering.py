"""Draw all static figures; those of many runs with a second process."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from matplotlib.figure import Figure

from gan_zoo.report.comparison import Comparison
from gan_zoo.report.drawing import to_files
from gan_zoo.report.figures import draw_all
from gan_zoo.report.search import Budgets

_MANY = 24  # runs; with fewer, starting a process takes longer than it saves
# About as long to draw as all others and the animations, which are ours meanwhile.
_SECOND = frozenset({
    "losses_and_diagnostics", "distributions", "per_class", "confusion",
    "precision_recall", "density_coverage",
})  # fmt: skip
_Files = dict[str, bytes]


@contextmanager
def figures_begun(comparison: Comparison, budgets: Budgets) -> Iterator[Callable[[], _Files]]:
    """What completes the figures: file name -> content, a PNG and an SVG of each.

    With many runs, a second process draws its part already before that is called. A figure's bytes
    do not depend on who draws it.
    """
    names = set(draw_all(comparison, budgets))
    if sum(len(variant.runs) for variant in comparison.variants) < _MANY:
        yield lambda: _draw(comparison, budgets, names)
        return
    with ThreadPoolExecutor(1) as waiting:  # for the other process to read what it is sent
        theirs = waiting.submit(_second_process, pickle.dumps((comparison, budgets)))

        def complete() -> _Files:
            ours = _draw(comparison, budgets, names - _SECOND)
            files = theirs.result()
            return ours | (_draw(comparison, budgets, _SECOND) if files is None else files)

        yield complete


def render_figure(name: str, draw: Callable[[], Figure | None]) -> _Files:
    """The files of one figure; none where there is nothing to draw."""
    figure = draw()
    if figure is None:
        return {}
    return {f"{name}.{kind}": content for kind, content in to_files(figure).items()}


def draw_for_another(work: bytes) -> bytes:
    """In the second process: its part of the figures. Pickled, as is the work."""
    comparison, budgets = pickle.loads(work)
    return pickle.dumps(_draw(comparison, budgets, _SECOND))


def _draw(comparison: Comparison, budgets: Budgets, names: Set[str]) -> _Files:
    drawings = draw_all(comparison, budgets)
    rendered = [render_figure(name, draw) for name, draw in drawings.items() if name in names]
    return {name: content for files in rendered for name, content in files.items()}


def _second_process(work: bytes) -> _Files | None:
    """What a process of our own draws; None if it comes to no end.

    Not by multiprocessing: that would run the user's script again, up to where it is now.
    """
    done = subprocess.run(
        [sys.executable, "-m", "gan_zoo.report.second"],
        input=work,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        check=False,
    )
    return pickle.loads(done.stdout) if done.returncode == 0 else None
