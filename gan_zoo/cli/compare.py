"""The verb ``compare``: build the report of folders of runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from gan_zoo.cli.options import Verb
from gan_zoo.report.build import build_report


@dataclass(frozen=True)
class Options:
    """Options of ``gan-zoo compare``."""

    out: Annotated[str, "folder to write into (default: the first one)"] = ""


def run(folders: list[Path], options: Options) -> None:
    """Write the report and print its path."""
    print(build_report(folders, Path(options.out).expanduser() if options.out else None))


main = Verb(
    name="compare",
    paths="DIR ...",
    help="Compare runs from their records alone; nothing is trained or evaluated. DIR is the folder"
    "\nof a sweep or of a run.",
    options=Options,
    run=run,
).main
