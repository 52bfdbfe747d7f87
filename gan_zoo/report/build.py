"""From run folders to files."""

from collections.abc import Sequence
from pathlib import Path

from gan_zoo.records import write_text
from gan_zoo.report import tables
from gan_zoo.report.comparison import compare
from gan_zoo.report.load import load
from gan_zoo.report.page import render


def build_report(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Compare all runs below the folders; write report.html and summary.csv; return the page.

    Args:
        folders: sweeps or single runs, finished or not; searched for record.json.
        out: where to write; by default the first folder.

    Raises:
        ReportError: a folder does not exist, or there is no run below any of them.
    """
    comparison = compare(load(folders))
    target = folders[0] if out is None else out
    write_text(target / "summary.csv", tables.to_csv(tables.summary(comparison)))
    page = target / "report.html"
    write_text(page, render(comparison))
    return page
