"""The comments at the head of a configuration file, as Markdown."""

import re
from pathlib import Path

FIELDS = ("Paper", "Command", "Expect", "Fails", "Deviations")
_FIELD = re.compile(rf"^({'|'.join(FIELDS)}|Deviation): ", re.MULTILINE)
_CODE = re.compile(
    r"`[^`]+`"
    r"|python (?:-m )?[\w.]+(?: [\w.]+=[\w.]+)*"
    r"|experiment=\w+"
    r"|\b(?:loss|regularizer|optimizer|trainer|aux|model|evaluation|latents)(?:\.\w+)*=[\w.]+\b"
    r"|\bconf/[\w/<>]+\.yaml"
)
_PAPER = re.compile(r"arXiv (\d{4}\.\d{5}|\d{4}\.\d{4})")


def header(path: Path) -> dict[str, str]:
    """``summary`` and those of ``FIELDS`` that the comments at the head of a file have."""
    lines = []
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            lines.append(line.removeprefix("#").removeprefix(" "))
    start, *rest = _FIELD.split("\n".join(lines))
    found = {"summary": _one_line(start)}
    for name, text in zip(rest[::2], rest[1::2], strict=True):
        line = _one_line(text)
        if name != "Command":
            line = line[:1].upper() + line[1:]
        found["Deviations" if name == "Deviation" else name] = line
    return found


def markdown(text: str, sections: frozenset[str] = frozenset()) -> str:
    """Plain text with what looks like code set as code, and papers and ``loss=NAME`` linked.

    >>> markdown("as loss=bce, but f* is flat: arXiv 1406.2661", frozenset({"bce"}))
    'as [`loss=bce`](#loss-bce), but f\\\\* is flat: [arXiv 1406.2661](https://arxiv.org/abs/1406.2661)'
    """
    pieces, place = [], 0
    for match in _CODE.finditer(text):
        pieces += [_plain(text[place : match.start()]), _code(match[0].strip("`"), sections)]
        place = match.end()
    return "".join([*pieces, _plain(text[place:])])


def _code(text: str, sections: frozenset[str]) -> str:
    group, _, name = text.partition("=")
    return f"[`{text}`](#loss-{name})" if group == "loss" and name in sections else f"`{text}`"


def _plain(text: str) -> str:
    escaped = re.sub(r"([*_<>|\[\]`$\\])", r"\\\1", text)
    return _PAPER.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", escaped)


def _one_line(text: str) -> str:
    return " ".join(text.split())
