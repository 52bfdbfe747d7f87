"""Run every code block of documentation pages: ``python -m docs.examples PAGE.md [PAGE.md ...]``.

- ``python`` blocks run one after the other in one namespace for each page.
- ``console`` blocks run line by line in a new folder for each page, in this process, at a size
  that takes seconds: ``TINY`` comes before a ``python run.py`` line's own overrides.
  ``multirun/<...>`` and ``runs/<...>`` stand for the newest sweep and run there; if there is none,
  one is made.
- ``yaml`` blocks are read. ``text`` blocks are output, or lines for a machine that is not here; of
  one right after a ``console`` block, every line that begins with ``gan_zoo:`` has to be printed,
  with ``...`` for whatever differs from run to run. Only then may a line of that block fail.

Any other kind of block is an error. The exit code is 1 if a block of any page failed.
"""

import contextlib
import io
import os
import re
import runpy
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import yaml

from gan_zoo.cli.main import VERBS

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path for path in (ROOT / "docs").rglob("*.md")
    if not path.is_relative_to(ROOT / "docs" / "generated")
)  # fmt: skip
SMALL = ["trainer.epochs=1", "trainer.max_steps=3", "trainer.threads=1", "device=cpu",
         "trainer.batch_size=4", "trainer.generator_batch_size=4", "evaluation.samples=20",
         "evaluation.final_samples=20", "evaluation.loss_samples=20"]  # fmt: skip
TINY = [*SMALL, "model.generator.width=0.02", "model.discriminator.width=0.05",
        "evaluation.reference_scores=false", "evaluation.metrics=[fid,label_accuracy]"]  # fmt: skip
_FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_OVERRIDE = re.compile(r"[~+\w].*=")
_POINTS = re.compile(
    r"\b(?:data|model)=(?!mnist|acgan|folder|npz|medmnist)|experiment=(?:ring8|grid25|dirac|swiss_roll|fgan_mixture|parallel_lines|two_clusters|lesson_(?!conditioning))"
)


class Block(NamedTuple):
    """A fenced block: what its fence says, its text, its first line's number in the page."""

    kind: str
    text: str
    line: int


class Failed(AssertionError):
    """A block that does not do what its page says."""


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, those indented in lists too."""
    found = []
    for match in _FENCE.finditer(page):
        indent = len(match[1])
        text = "".join(line[indent:] for line in match[3].splitlines(keepends=True))
        found.append(Block(match[2].strip(), text, page.count("\n", 0, match.start()) + 2))
    return found


def commands(block: str) -> list[str]:
    """The command lines of a console block: without prompts, comments and line breaks."""
    joined = block.replace("\\\n", " ")
    lines = (line.removeprefix("$ ").split("  #")[0].strip() for line in joined.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def check(page: Path) -> None:
    """Run all blocks of a page.

    Raises:
        Failed: one of them failed; which, and what it printed.
    """
    found = blocks(page.read_text())
    names: dict[str, Any] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder, _at(Path(folder)), without_figures():
        for number, block in enumerate(found):
            after = found[number + 1] if number + 1 < len(found) else Block("", "", 0)
            try:
                _run(block, after.text if after.kind == "text" else "", names)
            except Failed as error:
                raise Failed(f"{page}:{block.line}: {error}") from error
            except Exception as error:
                raise Failed(f"{page}:{block.line}: {traceback.format_exc()}") from error


@contextlib.contextmanager
def without_figures() -> Iterator[None]:
    """Reports without their static figures: most of a tiny sweep's time, and tested elsewhere."""
    with mock.patch("gan_zoo.report.figures.render_figures", return_value={}):
        yield


def _run(block: Block, expected: str, names: dict[str, Any]) -> None:
    if block.kind == "python":
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block.text, "block", "exec"), names)
    elif block.kind == "console":
        _run_console(block.text, expected)
    elif block.kind == "yaml":
        if not isinstance(yaml.safe_load(block.text), dict):
            raise Failed("a yaml block holds no mapping")
    elif block.kind != "text":
        raise Failed(f"a block of kind {block.kind!r}; allowed: python, console, yaml, text")


def _run_console(text: str, expected: str) -> None:
    said = [line for line in expected.splitlines() if line.startswith("gan_zoo:")]
    printed = ""
    for line in commands(text):
        code, output = execute(line)
        printed += output
        if code and not said:
            raise Failed(f"{line!r} ended with {code}:\n{output[-2000:]}")
    flat = " ".join(printed.split())
    for line in said:
        pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.split("..."))
        if not re.search(pattern, flat):
            raise Failed(f"{line!r} was not printed, but:\n{printed[-2000:]}")


def execute(line: str) -> tuple[object, str]:
    """Exit code (0 or None if all went well) and output of a line, at a tiny size."""
    words = shlex.split(_filled(line))
    given: dict[str, str] = {}
    while "=" in words[0]:
        name, _, given[name] = words.pop(0).partition("=")
    if words[0] == "python":
        words = words[1:]
    if words[0] == "gan-zoo" and words[1] in VERBS:
        words[:1] = ["-m", "gan_zoo.cli"]
    elif words[0] == "gan-zoo":
        words[0] = "run.py"
    if words[0] == "run.py":
        first = next((n for n, word in enumerate(words) if _OVERRIDE.match(word)), len(words))
        small = SMALL if _POINTS.search(line) else TINY
        seeds = ["seed=0"] if "experiment=lesson_" in line else []  # of the several that it trains
        words[first:first] = [*small, *seeds]  # the line's own come after
    if words[0] == "-m":
        return called(lambda: runpy.run_module(words[1], run_name="__main__"), words[1:], given)
    script = Path(words[0]) if Path(words[0]).exists() else ROOT / words[0]
    if not script.suffix == ".py" or not script.exists():
        raise Failed(f"{line!r}: neither a script of gan_zoo nor one that the page has written")
    return called(lambda: runpy.run_path(str(script), run_name="__main__"), words, given)


def called(
    start: Callable[[], object], words: Sequence[str], given: Mapping[str, str]
) -> tuple[object, str]:
    """Exit code and output of a program that is run in this process as in one of its own."""
    from gan_zoo.cli.sweep import SweepFolder

    SweepFolder.folder = SweepFolder.after = None
    paths, output = list(sys.path), io.StringIO()
    code: object = 0
    with (
        mock.patch.object(sys, "argv", list(words)),
        mock.patch.dict(os.environ, given),
        contextlib.redirect_stdout(output), contextlib.redirect_stderr(output),
    ):  # fmt: skip
        try:
            start()
        except SystemExit as error:
            code = error.code
            if isinstance(code, str):
                print(code)
    sys.path[:] = paths
    return code, output.getvalue()


def _lies_in(module: Any, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).is_relative_to(folder)


def _filled(line: str) -> str:
    """The line with the newest sweep or run in place of ``multirun/<...>`` and ``runs/<...>``."""
    for place in re.findall(r"(?:multirun|runs)/<[^ ]*>", line):
        marks = sorted(Path().glob(f"{place.split('/')[0]}/*/*/"))
        if not marks:
            execute(f"python run.py {'-m ' if place.startswith('multirun') else ''}loss=bce")
            marks = sorted(Path().glob(f"{place.split('/')[0]}/*/*/"))
        line = line.replace(place, str(marks[-1]))
    return line


@contextlib.contextmanager
def _at(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        with mock.patch.object(sys, "path", [str(folder), *sys.path]):
            yield
    finally:
        os.chdir(before)
        for name in [name for name, module in sys.modules.items() if _lies_in(module, folder)]:
            del sys.modules[name]  # another page may write a module of the same name


def main(pages: Sequence[str]) -> int:
    """Check the pages and say of each whether it holds."""
    failed = 0
    for page in pages:
        try:
            check(Path(page).resolve())
            print(f"{page}: ok", flush=True)
        except Failed as error:
            failed = 1
            print(f"{page}: FAILED\n{error}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [str(path) for path in PAGES]))
