"""``gan-zoo <verb>``: which module a word starts, and what replaces the commands of version 0.1."""

import sys

import pytest

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


def test_help_lists_the_verbs_and_the_version_is_printed(started, capsys):
    assert started("--help") == started("--version") == []
    shown = capsys.readouterr().out
    assert all(f"  {verb} " in shown for verb in command.VERBS)
    assert f"gan-zoo {__version__}" in shown


@pytest.mark.parametrize("name", ["/usr/bin/gan-zoo-evaluate", r"C:\bin\gan-zoo-evaluate.exe"])
def test_a_command_of_an_earlier_version_names_its_verb(monkeypatch, name):
    monkeypatch.setattr(sys, "argv", [name, "run"])
    with pytest.raises(SystemExit, match=r"gan-zoo-evaluate is now: gan-zoo evaluate$"):
        command.renamed()
