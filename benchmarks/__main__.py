"""``python -m benchmarks [name ...]``: measure, and write the results into benchmarks/README.md.

Without names, everything, which takes about an hour; with names, only these parts.
``python -m benchmarks gpu [part ...]`` measures a GPU; see ``benchmarks.gpu``.
"""

import datetime
import re
import sys
from pathlib import Path

import torch

from benchmarks import batched, costs, gpu, step, sweeps
from benchmarks.timing import Section
from gan_zoo.runs.record import write_text
from gan_zoo.training.process import describe, keep_freed_memory

README = Path(__file__).with_name("README.md")
PARTS = {
    "step": step.step,
    "keras": step.keras,
    "sweeps": sweeps.sweeps,
    "batched": batched.batched,
    "costs": costs.costs,
    "memory": costs.memory,
}


def main(names: list[str]) -> None:
    """Run the named parts, each written as soon as it is measured."""
    if names[:1] == ["gpu"]:
        sys.exit(gpu.main(names[1:], README.parent, write))
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"parts must be among {', '.join(PARTS)}, got {', '.join(unknown)}")
    keep_freed_memory()
    for name in names or PARTS:
        write(name, PARTS[name]())


def write(name: str, sections: list[Section]) -> None:
    """Print the sections of a part, and write them into README.md."""
    text = "\n\n".join(markdown(section) for section in sections)
    text = f"{text}\n\n`python -m benchmarks {name}`: {machine()}"
    print(text, end="\n\n", flush=True)
    write_text(README, replaced(README.read_text(), name, text))


def markdown(section: Section) -> str:
    """Return a section in README.md's form."""
    body = "\n".join(section.lines)
    return f"### {section.title}\n\n{section.text}" + (f"\n\n{body}" if body else "")


def replaced(page: str, name: str, text: str) -> str:
    """Return the page with ``text`` between a part's marks.

    Raises:
        ValueError: the page has no such marks.
    """
    marks = f"<!-- {name} -->", f"<!-- /{name} -->"
    pattern = re.compile(f"{re.escape(marks[0])}.*?{re.escape(marks[1])}", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"README.md has no {marks[0]} … {marks[1]}")
    return pattern.sub(lambda _: f"{marks[0]}\n{text}\n{marks[1]}", page)


def machine() -> str:
    """Return a line that describes the machine."""
    facts = describe(torch.device("cpu"))
    day = datetime.datetime.now(datetime.UTC).date()
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['threads']} threads, torch"
        f" {facts['torch']}, {day}."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
