"""Docstrings as reStructuredText: theirs is plain text with indented formulas, read as such."""

import re
from collections.abc import Iterator

_SECTION = re.compile(r"(Args|Raises|Returns|Yields):")
_LITERAL = re.compile(r"(``[^`]+``)")
_SPECIAL = re.compile(r"([*|`\\]|_(?=\W|$))")


def processed(lines: list[str]) -> list[str]:
    """The lines with formulas as literal blocks and nothing in them that only looks like markup.

    >>> processed(["With s = softplus:", "", "    L_D = mean s(-r)", "", "f* and ``f*``."])
    ['With s = softplus:', '', '::', '', '    L_D = mean s(-r)', '', 'f\\\\* and ``f*``.']
    """
    return list(_lines(lines))


def _lines(lines: list[str]) -> Iterator[str]:
    section = literal = False
    for number, line in enumerate(lines):
        indented = line.startswith("    ")
        if line and not indented:
            section, literal = bool(_SECTION.fullmatch(line)), False
        elif indented and not section and not literal and not lines[number - 1].strip():
            literal = True
            yield from ("::", "")
        doctest = line.lstrip().startswith((">>>", "..."))
        if section and _SECTION.fullmatch(line):
            yield line
        else:
            yield line if literal or doctest else _escaped(line)


def _escaped(line: str) -> str:
    pieces = _LITERAL.split(line)
    return "".join(
        piece if number % 2 else _SPECIAL.sub(r"\\\1", piece) for number, piece in enumerate(pieces)
    )
