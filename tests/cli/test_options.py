"""``key=value`` words become typed options; errors name what is valid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from gan_zoo.cli.options import Verb, parse
from gan_zoo.config.schema import OneOf, Range


@dataclass(frozen=True)
class Options:
    count: Annotated[int, Range(1, 9), "of things"] = 3
    name: Annotated[str, "of all"] = "a"
    loud: Annotated[bool, "shout"] = False
    kind: Annotated[str, OneOf(("x", "y"))] = "x"


def test_words_take_the_type_of_the_default():
    assert parse([], Options) == Options()
    assert parse(["count=5", "name=b=c", "loud=TRUE"], Options) == Options(5, "b=c", True)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("count", "unknown option 'count'.*Valid: count, name, loud, kind, as key=value"),
        ("cout=1", r"Did you mean count=…\?"),
        ("--count=1", r"Did you mean count=…\?"),
        ("count=x", "count must be an integer, got 'x'"),
        ("count=0", "count must be from 1 to 9, got 0"),
        ("kind=z", "kind must be x or y, got 'z'"),
        ("loud=1", "loud must be true or false, got '1'"),
    ],
)
def test_a_mistake_names_what_is_valid(word, message):
    with pytest.raises(ValueError, match=message):
        parse([word], Options)


def verb(paths, calls):
    return Verb("try", paths, "Try it.", Options, lambda *given: calls.append(given))


def test_paths_come_before_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a=1").mkdir()
    calls = []
    verb("DIR ...", calls).main(["x", "a=1", "y/z", "count=2"])
    verb("DIR", calls).main(["a=1", "count=2"])
    assert calls == [
        ([Path("x"), Path("a=1"), Path("y/z")], Options(2)), ([Path("a=1")], Options(2)),
    ]  # fmt: skip
    with pytest.raises(SystemExit, match="gan_zoo: unknown option 'y'"):
        verb("DIR", calls).main(["x", "y"])
    with pytest.raises(SystemExit, match="Did you mean count="):
        verb("DIR ...", calls).main(["x", "cont=2"])


def test_ctrl_c_ends_a_verb_without_a_traceback(capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        Verb("try", "DIR", "Try it.", Options, interrupt).main(["x"])
    assert ended.value.code == 130
    assert capsys.readouterr().err == "gan_zoo: interrupted\n"


def test_help_is_printed_without_words_and_on_request(capsys):
    calls = []
    verb("DIR", calls).main([])
    verb("DIR", calls).main(["x", "--help"])
    shown = capsys.readouterr().out
    assert shown.count("usage: gan-zoo try DIR [key=value ...]\n\nTry it.\n\noptions:\n") == 2
    assert "  count=3            of things (from 1 to 9)\n" in shown
    assert "  kind=x             x or y\n" in shown
    assert calls == []
