"""``key=value`` words for the small commands beside ``run.py``, which need no Hydra."""

import ast
import difflib
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

Options = TypeVar("Options")


def given_words(arguments: Sequence[str] | None, module: str) -> list[str]:
    """A command's words, from its process's if None; if they ask for help: printed, and none.

    Args:
        arguments: the words, or None.
        module: the command's file, whose docstring is its help; read from the source, since
            ``python -OO`` keeps none.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words and words[0] not in ("-h", "--help"):
        return words
    print(ast.get_docstring(ast.parse(Path(module).read_text(encoding="utf-8"))))
    return []


def parse(words: Sequence[str], options: type[Options]) -> Options:
    """A dataclass of options from ``key=value`` words; every field needs a default.

    Values take the type of the default: bool (true or false), int, or str.

    Raises:
        ValueError: a word that is no ``key=value``, an unknown key, a value of another type, or
            what the dataclass itself refuses.
    """
    defaults = {field.name: field.default for field in fields(options)}  # type: ignore[arg-type]
    given: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in defaults:
            close = difflib.get_close_matches(key, defaults, n=1)
            hint = f" Did you mean {close[0]}=?" if close else ""
            raise ValueError(
                f"{word!r} is no option;{hint} Allowed: {', '.join(defaults)}, as key=value"
            )
        given[key] = _typed(key, value, type(defaults[key]))
    return options(**given)


def _typed(key: str, value: str, kind: type) -> Any:
    if kind is bool:
        if value.lower() not in ("true", "false"):
            raise ValueError(f"{key} is {value!r}; allowed: true or false")
        return value.lower() == "true"
    try:
        return kind(value)
    except ValueError as error:
        raise ValueError(f"{key} is {value!r}; allowed: a whole number") from error
