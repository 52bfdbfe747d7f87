import subprocess
import sys

import pytest

from gan_zoo.report import rendering
from gan_zoo.report.comparison import compare
from gan_zoo.report.load import load
from gan_zoo.report.search import search_all


@pytest.fixture
def alone(small):
    return drawn(small)


def drawn(folder):
    comparison = compare(load([folder]))
    with rendering.figures_begun([folder], comparison, search_all(comparison)) as complete:
        return complete()


@pytest.fixture
def ours(monkeypatch):
    """Names of the figures that this process draws; two processes from now on."""
    monkeypatch.setattr(rendering, "_MANY", 1)
    names = []
    render = rendering.render_figure
    monkeypatch.setattr(
        rendering, "render_figure", lambda name, draw: names.append(name) or render(name, draw)
    )
    return names


def test_a_second_process_draws_its_part_and_the_same_bytes(small, alone, ours):
    shared = drawn(small)
    assert shared == alone
    theirs = {name.split(".")[0] for name in shared} - set(ours)
    assert "distributions" in theirs
    assert not theirs & set(ours)


def test_what_a_lost_process_was_to_draw_is_drawn_here(small, alone, ours, monkeypatch):
    run = subprocess.run
    exits = [sys.executable, "-c", "raise SystemExit(9)"]
    monkeypatch.setattr(subprocess, "run", lambda arguments, **options: run(exits, **options))
    assert drawn(small) == alone
    assert "distributions" in ours
