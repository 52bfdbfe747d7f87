"""The command ``compare.py DIR [DIR …]``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gan_zoo.cli.output import lasting_output
from gan_zoo.report.build import build_report
from gan_zoo.report.load import ReportError


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> int:
    """Build the report of one or more folders of runs and print where it is."""
    parser = argparse.ArgumentParser(
        description="Compare runs from their records alone; nothing is trained or evaluated.",
    )
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="DIR", help="folder of a sweep or of a run"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write (default: the first folder)"
    )
    options = parser.parse_args(arguments)
    try:
        page = build_report(options.folders, options.out)
    except (ReportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
