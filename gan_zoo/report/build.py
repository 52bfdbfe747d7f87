"""From run folders to files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from gan_zoo.report import figures_samples, table_export, tables
from gan_zoo.report.comparison import Comparison, compare
from gan_zoo.report.json_export import report_json
from gan_zoo.report.load import load
from gan_zoo.report.page import render
from gan_zoo.report.rendering import figures_begun, render_figure
from gan_zoo.report.sample_strips import evolution
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
    target = folders[0] if out is None else out
    budgets = search_all(comparison)
    with figures_begun(folders, comparison, budgets) as complete:
        grids = evolution(comparison)
        drawn = render_figure("samples", lambda: figures_samples.grids(comparison, grids))
        drawn |= complete()
    files = _tables(comparison)
    files |= {f"{FOLDER}/figures/{name}": data for name, data in drawn.items()}
    files |= {f"{FOLDER}/animations/{name}": data for name, data in grids.animations.items()}
    files[JSON_NAME] = report_json(comparison, budgets, sorted(files)).encode()
    files[PAGE_NAME] = render(comparison, grids, budgets).encode()
    _remove_stale(target, files)
    for name, content in files.items():
        write_bytes(target / name, content)
    return target / PAGE_NAME


def _tables(comparison: Comparison) -> dict[str, bytes]:
    texts = {
        "summary.csv": tables.to_csv(tables.summary(comparison)),
        "runs.csv": tables.to_csv(tables.runs(comparison)),
        f"{FOLDER}/comparisons.csv": tables.to_csv(tables.comparisons(comparison)),
        f"{FOLDER}/references.csv": tables.to_csv(tables.references(comparison)),
        f"{FOLDER}/summary.md": table_export.markdown(comparison),
        f"{FOLDER}/summary.tex": table_export.latex(comparison),
    }
    return {name: text.encode() for name, text in texts.items()}


def _remove_stale(target: Path, files: Mapping[str, bytes]) -> None:
    """Remove what an earlier report says it wrote below ``report/`` and this one does not."""
    try:
        earlier = json.loads((target / JSON_NAME).read_text(encoding="utf-8"))["files"]
        names = [str(name) for name in earlier]
    except (OSError, ValueError, KeyError, TypeError):
        return  # no earlier report, or none of ours
    inside = (target / FOLDER).resolve()
    for name in names:
        path = (target / name).resolve()
        if name not in files and path.is_relative_to(inside) and path.is_file():
            path.unlink()
