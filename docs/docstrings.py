"""Docstrings as reStructuredText: theirs is plain text with indented formulas, read as such."""

import re
from collections.abc import Iterator
from itertools import groupby

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
    for literal, group in groupby(_marked(lines), key=lambda marked: marked[0]):
        text = "\n".join(line for _, line in group)
        yield from (text if literal else _escaped(text)).split("\n")


def _marked(lines: list[str]) -> Iterator[tuple[bool, str]]:
    """Each line, and whether it is to be left as it is."""
    section = literal = False
    for number, line in enumerate(lines):
        indented = line.startswith("    ")
        if line and not indented:
            section, literal = bool(_SECTION.fullmatch(line)), False
        elif indented and not section and not literal and not lines[number - 1].strip():
            literal = True
            yield from ((True, "::"), (True, ""))
        doctest = line.lstrip().startswith((">>>", "..."))
        yield literal or doctest, line


def _escaped(text: str) -> str:
    pieces = _LITERAL.split(text)  # every other one is a literal, over a line's end maybe
    return "".join(
        f"``{piece.strip('` ')}``" if number % 2 else _SPECIAL.sub(r"\\\1", piece)
        for number, piece in enumerate(pieces)
    )
