"""The README's commands are run, at a size that takes seconds; what it names exists."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TINY = ["trainer.epochs=1", "trainer.max_steps=5", "trainer.threads=1", "trainer.batch_size=4",
        "trainer.generator_batch_size=4", "model.generator.width=0.02",
        "model.discriminator.width=0.05", "evaluation.samples=20", "evaluation.final_samples=20",
        "evaluation.loss_samples=20", "evaluation.floors=false",
        "evaluation.metrics=[fid,label_accuracy]"]  # fmt: skip


def commands() -> list[str]:
    blocks = re.findall(r"^```\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def run(arguments: list[str], cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_every_command_in_the_readme_is_one_this_test_knows():
    known = (
        r"make (run|test)|python3 -m venv|\.venv/bin/(pip install|python)"
        r"|python (run|compare|evaluate|status)\.py"
    )
    assert [line for line in commands() if not re.match(known, line)] == []


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith("python run.py")])
def test_a_run_or_sweep_of_the_readme_does_what_it_says(line, tmp_path):
    script, *arguments = shlex.split(line)[1:]
    if "loss=glob(*)" in arguments:
        arguments = ["-m", "loss=glob(fgan_k*)", "seed=0,1"]  # all of them: tests/test_conf.py
    output = run([str(ROOT / script), *arguments, *TINY], tmp_path)
    assert "finished" in output
    if "-m" in arguments:
        (page,) = tmp_path.rglob("report.html")
        assert str(page) in output


def test_make_run_s_command_gives_a_report_that_compare_builds_again(tmp_path):
    script, *arguments = ["run.py", "+experiment=compare_families"]
    assert f".venv/bin/python {script} {arguments[0]}" in README
    assert f"run.py {arguments[0]}" in (ROOT / "Makefile").read_text()
    output = run([str(ROOT / script), *arguments, *TINY], tmp_path)
    assert output.count("finished") == 4
    (page,) = tmp_path.rglob("report.html")
    first = page.read_bytes()
    page.unlink()
    run([str(ROOT / "compare.py"), str(page.parent)], tmp_path)
    assert page.read_bytes() == first


def test_what_the_readme_points_to_is_there():
    for path in re.findall(r"`((?:gan_zoo|conf|tests)/[\w./<>]+)`", README):
        if "mine" in path or "<" in path:
            continue
        assert (ROOT / path).exists(), path


def test_make_help_lists_the_verbs():
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    verbs = [line.split()[1] for line in shown.stdout.splitlines()]
    assert set(verbs) >= {
        "run", "test", "check", "bench", "clean",
    }  # fmt: skip
