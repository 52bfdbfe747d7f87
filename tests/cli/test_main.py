"""``gan-zoo <verb>``: which module a word starts, and what replaces the commands of version 0.1."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import hydra
import pytest
import torch

from gan_zoo import __version__
from gan_zoo.cli import main as command


@pytest.fixture
def started(monkeypatch):
    """Return (module, words) of what ``main`` starts, instead of starting it."""
    found = []

    def start(*words):
        monkeypatch.setattr(sys, "argv", ["gan-zoo", *words])
        command.main()
        return found

    class Module:
        def __init__(self, name):
            self.main = lambda: found.append((name, sys.argv[1:]))

    monkeypatch.setattr(command, "import_module", Module)
    return start


@pytest.mark.parametrize("verb", command.VERBS)
def test_a_verb_starts_its_module_with_the_other_words(started, verb):
    assert started(verb, "a=1", "b") == [(f"gan_zoo.cli.{verb}", ["a=1", "b"])]


@pytest.mark.parametrize("words", [[], ["loss=wgan"], ["-m", "loss=wgan"]])
def test_without_a_verb_the_words_are_those_of_train(started, words):
    assert started(*words) == [("gan_zoo.cli.train", words)]


@pytest.mark.parametrize(
    ("typed", "hint"), [("evalute", " Did you mean 'evaluate'?"), ("bce", ""), ("help", "")]
)
def test_a_mistyped_verb_is_named(started, typed, hint):
    with pytest.raises(SystemExit) as ended:
        started(typed, "runs")
    valid = "Valid: train, compare, evaluate, status, sample, export"
    assert ended.value.code == f"gan_zoo: unknown verb {typed!r}.{hint} {valid}"


def test_help_lists_the_verbs_and_the_version_is_printed(started, capsys):
    assert started("--help") == started("--version") == []
    shown = capsys.readouterr().out
    assert all(f"  {verb} " in shown for verb in command.VERBS)
    versions = rf"gan-zoo {__version__}( \(commit .*\))?, torch {torch.__version__.split('+')[0]}"
    assert re.search(rf"{versions}\S*, Hydra {hydra.__version__}, Python 3\.\d+\.\d+\n", shown)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_verbs_groups_options_and_keys(tmp_path):
    """As a shell does after ``eval "$(gan-zoo -sc install=bash)"``."""
    program = tmp_path / "gan-zoo"
    program.write_text(f"#!{sys.executable}\nfrom gan_zoo.cli.main import main\nmain()\n")
    program.chmod(0o755)
    (tmp_path / "multirun").mkdir()
    expected = {
        "gan-zoo sta": "status",
        "gan-zoo train debug=": "debug=few_steps debug=overfit_batch debug=profiler",
        "gan-zoo loss=wgan_": "loss=wgan_div loss=wgan_gp loss=wgan_lp",
        "gan-zoo trainer.n_": "trainer.n_critic=",
        "gan-zoo status mul": "multirun",  # a folder, as for every verb but train
    }
    script = 'eval "$(gan-zoo -sc install=bash)"\n' + "\n".join(
        f'COMP_LINE="{line}" COMP_CWORD={line.count(" ")}; hydra_bash_completion;'
        ' echo "${COMPREPLY[@]}"'
        for line in expected
    )
    paths = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, **paths},
    )  # fmt: skip
    assert done.stdout.splitlines() == list(expected.values()), done.stderr


@pytest.mark.parametrize("name", ["/usr/bin/gan-zoo-evaluate", r"C:\bin\gan-zoo-evaluate.exe"])
def test_a_command_of_an_earlier_version_names_its_verb(monkeypatch, name):
    monkeypatch.setattr(sys, "argv", [name, "run"])
    with pytest.raises(SystemExit, match=r"gan-zoo-evaluate is now: gan-zoo evaluate$"):
        command.renamed()
