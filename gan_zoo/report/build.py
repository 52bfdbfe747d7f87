"""From run folders to report: load, statistics, tables and figures, page."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from gan_zoo.report import export, figures
from gan_zoo.report.comparison import compare
from gan_zoo.report.load import load
from gan_zoo.report.page import render
from gan_zoo.report.pictures import sample_strips
from gan_zoo.report.search import search_all
from gan_zoo.runs.record import write_bytes

PAGE_NAME = "report.html"
JSON_NAME = "report.json"
FOLDER = "report"  # figures, animations and tables beside the page


def build_report(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Compare all runs below the folders and return the page.

    Writes report.html, report.json, summary.csv and runs.csv, and a folder ``report`` with figures
    (PNG and SVG), animations, and tables as Markdown and LaTeX. The same records give the same
    bytes. Files of an earlier report that are not written again are removed.

    Args:
        folders: sweeps or single runs, finished or not; searched for record.json.
        out: where to write; by default the first folder.

    Raises:
        ReportError: a folder does not exist, or there is no run below any of them.
    """
    comparison = compare(load(folders))
    budgets = search_all(comparison)
    samples = sample_strips(comparison.variants)
    drawn = figures.render_figures(comparison, budgets, samples)
    texts = {
        "summary.csv": export.to_csv(export.summary_table(comparison)),
        "runs.csv": export.to_csv(export.run_table(comparison)),
        f"{FOLDER}/comparisons.csv": export.to_csv(export.pair_table(comparison)),
        f"{FOLDER}/references.csv": export.to_csv(export.reference_table(comparison)),
        f"{FOLDER}/summary.md": export.to_markdown(comparison),
        f"{FOLDER}/summary.tex": export.to_latex(comparison),
    }
    files = {name: text.encode() for name, text in texts.items()}
    files |= {f"{FOLDER}/figures/{name}": data for name, data in drawn.items()}
    files |= {f"{FOLDER}/animations/{name}": data for name, data in samples.animations.items()}
    files[JSON_NAME] = export.to_json(comparison, budgets, sorted(files)).encode()
    files[PAGE_NAME] = render(comparison, samples, budgets).encode()
    target = folders[0] if out is None else out
    _remove_stale(target, files)
    for name, content in files.items():
        write_bytes(target / name, content)
    return target / PAGE_NAME


def _remove_stale(target: Path, files: Iterable[str]) -> None:
    """Remove the files below ``report/`` that an earlier report lists and this one does not."""
    try:
        earlier = json.loads((target / JSON_NAME).read_text(encoding="utf-8"))["files"]
        names = {str(name) for name in earlier}
    except (OSError, ValueError, KeyError, TypeError):
        return  # there is no earlier report, or the file is not one
    inside = (target / FOLDER).resolve()
    for name in names.difference(files):
        path = (target / name).resolve()
        if path.is_relative_to(inside) and path.is_file():
            path.unlink()
