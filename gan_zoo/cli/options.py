"""The options, help and errors of all verbs except ``train``: ``key=value`` words.

The options of a verb are a dataclass whose annotations declare range and meaning once:
``n: Annotated[int, Range(1), "samples of each label"] = 10``.
"""

import difflib
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

from gan_zoo.cli.output import lasting_output
from gan_zoo.config.schema import OneOf, check_ranges
from gan_zoo.types import ConfigurationError

Options = TypeVar("Options")
NETWORKS = ("auto", "generator", "generator_ema")


@dataclass(frozen=True)
class WeightsOptions:
    """Options of the verbs that load a run's generator."""

    checkpoint: Annotated[str, "last, best or an epoch's number"] = "last"
    network: Annotated[str, OneOf(NETWORKS), "auto: generator_ema where the run has one"] = "auto"
    allow: Annotated[
        str, "your packages, separated by commas, whose objects the run's record may name"
    ] = ""

    def __post_init__(self) -> None:
        if not (self.checkpoint in ("last", "best") or self.checkpoint.isdecimal()):
            raise ConfigurationError(
                f"checkpoint must be last, best or an epoch's number, got {self.checkpoint!r}"
            )


@dataclass(frozen=True)
class Verb:
    """A command ``gan-zoo NAME PATH [key=value ...]``.

    Args:
        name: of the verb.
        paths: what the help calls its paths; several are allowed if it ends in ``...``.
        help: what it does.
        options: a dataclass; every field needs a default.
        run: called with the paths and the options.
    """

    name: str
    paths: str
    help: str
    options: type[Any]
    run: Callable[[list[Path], Any], None]

    @lasting_output()
    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Run the verb with the words given, or those of the process; an error is one line.

        Raises:
            SystemExit: a mistake in the words or the files, too little memory, or Ctrl-C.
        """
        from gan_zoo.training.process import OutOfMemory, shortage_explained

        words = sys.argv[1:] if arguments is None else list(arguments)
        if not words or {"-h", "--help"} & set(words):
            print(self.describe())
            return
        try:
            paths, given = self._split(words)
            options = parse(given, self.options)
            with shortage_explained("Choose smaller numbers, or a machine with more memory"):
                self.run(paths, options)
        except (ValueError, OSError, ArithmeticError, RecursionError, OutOfMemory) as error:
            sys.exit(f"gan_zoo: {error}")
        except KeyboardInterrupt:
            print("gan_zoo: interrupted", file=sys.stderr)
            sys.exit(130)

    def describe(self) -> str:
        """Return the help: usage, what the verb does, and each option with default and meaning."""
        words = " [key=value ...]" if fields(self.options) else ""
        usage = f"usage: gan-zoo {self.name} {self.paths}{words}"
        lines = describe_options(self.options)
        listed = "\n\noptions:\n" + "\n".join(lines) if lines else ""
        return f"{usage}\n\n{self.help}{listed}"

    def _split(self, words: Sequence[str]) -> tuple[list[Path], list[str]]:
        several = self.paths.endswith("...")
        first, *others = words
        is_path = [(several and not re.match(r"\w+=|-", w)) or Path(w).exists() for w in others]
        paths = [w for w, path in zip(others, is_path, strict=True) if several and path]
        return [Path(w) for w in (first, *paths)], [w for w in others if w not in paths]


def program(
    text: str | None, options: type[Options], run: Callable[[Options], None]
) -> Callable[..., None]:
    """Return the ``main`` of a module that takes ``key=value`` words; ``-h`` prints its text."""

    def main(arguments: Sequence[str] | None = None) -> None:
        words = sys.argv[1:] if arguments is None else list(arguments)
        if words and words[0] in ("-h", "--help"):
            print(text)
            return
        try:
            run(parse(words, options))
        except (ValueError, OSError) as error:
            sys.exit(f"gan_zoo: {error}")

    return main


def describe_options(options: type[Any]) -> list[str]:
    """Return a line for each option: ``key=default``, what is allowed and what it means."""
    annotations = get_type_hints(options, include_extras=True)
    lines = []
    for field in fields(options):
        default = field.default
        shown = str(default).lower() if isinstance(default, bool) else default
        extras = getattr(annotations[field.name], "__metadata__", ())
        meaning = " ".join(extra for extra in extras if isinstance(extra, str))
        allowed = ", ".join(str(extra) for extra in extras if not isinstance(extra, str))
        described = f"{meaning} ({allowed})" if meaning and allowed else meaning or allowed
        lines.append(f"  {f'{field.name}={shown}':18} {described}")
    return lines


def parse(words: Sequence[str], options: type[Options]) -> Options:
    """Return a dataclass of options from ``key=value`` words; every field needs a default.

    Values are converted to the type of the default: bool (true or false), int, or str.

    Raises:
        ConfigurationError: a word that is not ``key=value``, an unknown key, a value of another
            type or out of range, or what the dataclass itself refuses.
    """
    defaults = {field.name: field.default for field in fields(options)}  # type: ignore[arg-type]
    given: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in defaults:
            close = difflib.get_close_matches(key.lstrip("-"), defaults, n=1)
            hint = f" Did you mean {close[0]}=…?" if close else ""
            raise ConfigurationError(
                f"unknown option {word!r}.{hint} Valid: {', '.join(defaults) or 'none'}, as"
                " key=value"
            )
        given[key] = _typed(key, value, type(defaults[key]))
    made = options(**given)
    check_ranges(made)
    return made


def _typed(key: str, value: str, kind: type) -> Any:
    if kind is bool:
        if value.lower() not in ("true", "false"):
            raise ConfigurationError(f"{key} must be true or false, got {value!r}")
        return value.lower() == "true"
    try:
        return kind(value)
    except ValueError as error:
        raise ConfigurationError(f"{key} must be an integer, got {value!r}") from error
