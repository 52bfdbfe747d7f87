"""The README's commands are run, at a size that takes seconds; what it names exists."""

import re
import subprocess
from pathlib import Path

import pytest

from docs import examples

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def commands() -> list[str]:
    found = [block.text for block in examples.blocks(README) if not block.kind]
    return [line for text in found for line in examples.commands(text)]


def run(line: str) -> str:
    code, output = examples.execute(line)  # in this process, at a tiny size
    assert not code, output[-3000:]
    return output


def test_every_command_in_the_readme_is_one_this_test_knows():
    known = (
        r"make (run|test)|python3 -m venv|\.venv/bin/(pip install|python)"
        r"|python (run|compare)\.py|gan-zoo evaluate"
    )
    assert [line for line in commands() if not re.match(known, line)] == []


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith("python run.py")])
def test_a_run_or_sweep_of_the_readme_does_what_it_says(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "loss=glob(*)" in line:
        line = "python run.py -m 'loss=glob(fgan_k*)' seed=0,1"  # all: tests/config/test_conf.py
    with examples.without_figures():  # make run's report, below, has them
        output = run(line)
    assert "finished" in output
    if " -m " in line:
        (page,) = tmp_path.rglob("report.html")
        assert str(page) in output


def test_make_run_s_command_gives_a_report_that_compare_builds_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = "run.py experiment=compare_families"
    assert f".venv/bin/python {line}" in README
    assert line in (ROOT / "Makefile").read_text()
    rows = [row.split()[:1] for row in run(f"python {line}").splitlines()]
    assert all([loss] in rows for loss in ("bce", "wgan", "lsgan", "fgan_kl"))
    (page,) = tmp_path.rglob("report.html")
    first = page.read_bytes()
    page.unlink()
    run(f"python compare.py {page.parent}")
    assert page.read_bytes() == first


def test_what_the_readme_points_to_is_there():
    for path in re.findall(r"`((?:gan_zoo|conf|tests)/[\w./<>]+)`", README):
        if "mine" in path or "<" in path:
            continue
        assert (ROOT / path).exists(), path


def test_the_readme_s_python_runs():
    found = [block.text for block in examples.blocks(README) if block.kind == "python"]
    assert len(found) == 2
    for text in found:
        exec(compile(text, "README.md", "exec"), {"__name__": "readme"})


def test_the_readme_is_short():
    assert len(README.split()) <= 900


def test_every_loss_is_in_the_readme_s_table():
    named = set(re.findall(r"`(\w+)`", README.partition("## The losses")[2].partition("## The")[0]))
    losses = {path.stem for path in (ROOT / "conf" / "loss").glob("*.yaml")}
    assert {name for name in losses if not name.startswith("fgan_")} <= named


def test_make_help_lists_the_verbs():
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    verbs = [line.split()[1] for line in shown.stdout.splitlines()]
    assert set(verbs) >= {
        "run", "test", "check", "bench", "clean",
    }  # fmt: skip
