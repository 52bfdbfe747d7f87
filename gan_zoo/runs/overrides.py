"""Configurations as words of a command line: Hydra's grammar, and quoting for a shell."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_zoo.types import ConfigurationError

_PLAIN = re.compile(r"[A-Za-z_/][\w./-]*", re.ASCII)
_NOT_STRINGS = ("null", "true", "false", "nan", "inf")

Given = Mapping[str, Any] | Sequence[str]


def overrides(config: Given) -> list[str]:
    """Return a configuration as the words of a command line.

    >>> overrides({"loss": "wgan", "trainer": {"epochs": 1, "max_steps": None}, "seed": 3})
    ['loss=wgan', 'trainer.epochs=1', 'trainer.max_steps=null', 'seed=3']

    Raises:
        ConfigurationError: it is neither a mapping nor a list of strings, or holds an object.
    """
    if isinstance(config, Mapping):
        return [f"{key}={hydra_value(value)}" for key, value in _flat(config, "")]
    if isinstance(config, str) or not all(isinstance(word, str) for word in config):
        raise ConfigurationError(
            f"the configuration is {config!r}; allowed: a mapping, as {{'loss': 'wgan'}}, or a list"
            " of words, as ['loss=wgan', 'seed=1']"
        )
    return list(config)


def hydra_value(value: Any) -> str:
    """Return a value in the grammar of Hydra's overrides, its strings quoted where necessary.

    Paths become strings; scalars and arrays of NumPy and torch become numbers and lists.

    >>> hydra_value([1e-3, "it's", Path("a b"), None])
    '[0.001,"it\\'s","a b",null]'

    Raises:
        ConfigurationError: the value is an object.
    """
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _NOT_STRINGS:
            return str.__str__(value)
        return '"' + re.sub(r'(\\*)("|\Z)', _escaped, value) + '"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{_key(key)}:{hydra_value(v)}' for key, v in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return f"[{','.join(map(hydra_value, value))}]"
    raise ConfigurationError(
        f"the configuration holds {value!r}, a {type(value).__name__}; allowed: strings, paths,"
        " numbers, true or false, None, lists and mappings"
    )


def shell_word(word: str) -> str:
    """Return a word as it is typed into a shell.

    >>> print(shell_word('hydra.sweep.dir="a b"'), shell_word("seed=0"))
    'hydra.sweep.dir="a b"' seed=0
    """
    if word.isprintable():
        return shlex.quote(word)
    escaped = (chr(b) if 32 <= b < 127 and b not in b"\\'" else f"\\x{b:02x}"
               for b in os.fsencode(word))  # fmt: skip
    return f"$'{''.join(escaped)}'"


def path_override(key: str, path: str | Path) -> str:
    """Return ``key=path`` for a path of any characters."""
    literal = str(path).replace("${", "\\${")  # no interpolation
    return f"{key}={hydra_value(literal)}"


def shell_command(name: str, *words: str | Path) -> str:
    """Return another command of ours, such as ``compare``, in the way this process was called.

    That is ``compare.py`` beside the running script, or a verb of the installed command.
    """
    program = Path(sys.argv[0])
    if program.suffix == ".py":
        called = [_shortest(Path(sys.executable)), str(program.with_name(f"{name}.py"))]
    else:
        called = [_shortest(program), name]
    return " ".join(map(shell_word, [*called, *map(str, words)]))


def _shortest(program: Path) -> str:
    """Return a program's name if that is enough to call it, else its path.

    The folder decides: the interpreter of a virtual environment is a link to one without packages.
    """
    names = ("python", program.name) if program == Path(sys.executable) else (program.name,)
    for name in names:
        found = shutil.which(name)
        if found is not None and Path(found).parent.resolve() == program.parent.resolve():
            return name
    return str(program)


def _flat(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        whole = bool(prefix) and isinstance(value, Mapping) and "_target_" in value  # an object
        if isinstance(value, Mapping) and value and not whole:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _key(key: Any) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w-]*", str(key), re.ASCII):
        raise ConfigurationError(
            f"the configuration holds the key {key!r}; allowed: letters, digits, _ and -"
        )
    return str(key)


def _escaped(found: re.Match[str]) -> str:
    """Double the backslashes before a quote, the only ones that Hydra interprets."""
    slashes, quote = found.groups()
    return 2 * slashes + (f"\\{quote}" if quote else "")
