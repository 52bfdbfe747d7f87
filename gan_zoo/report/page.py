"""The page: what the template shows, in the order in which it shows it."""

import base64
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from gan_zoo.report import figures, numbers, pictures
from gan_zoo.report.comparison import Comparison, Variant
from gan_zoo.report.differences import config_differences
from gan_zoo.report.load import Run
from gan_zoo.report.palette import style
from gan_zoo.report.quantities import AXES, Quantity, ordered

_TEMPLATES = files("gan_zoo.report") / "templates"


def render(comparison: Comparison) -> str:
    """The whole page as one self-contained HTML document."""
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "short": numbers.short,
        "count": numbers.count,
        "duration": numbers.duration,
    }
    environment.globals["style"] = style
    return environment.get_template("report.html").render(_context(comparison))


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _context(comparison: Comparison) -> dict[str, Any]:
    collection = comparison.collection
    curves = _curve_columns(comparison)
    protocols = {metric.detail for metric in comparison.metrics}
    return {
        "css": Markup(_read("report.css")),
        "script": Markup(_read("report.js")),
        "names": collection.names,
        "comparison": comparison,
        "variants": comparison.variants,
        "metrics": comparison.metrics,
        "estimates": comparison.estimates,
        "datasets": sorted({str(run.record.dataset.get("name", "?")) for run in collection.runs}),
        "counts": _counts(collection.runs),
        "curves": _svg_uri(comparison, curves) if curves else None,
        "protocols": sorted(protocols) if len(protocols) == 1 and protocols != {""} else [],
        "grids": _grids(comparison.variants),
        "troubles": [run for run in collection.runs if run.record.status != "finished"],
        "reason": reason,
        "noted": [run for run in collection.runs if run.notes],
        "unreadable": collection.unreadable,
        "differences": config_differences(comparison.variants),
    }


def _counts(runs: tuple[Run, ...]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for run in runs:
        counts[run.record.status] = counts.get(run.record.status, 0) + 1
    return counts


def _curve_columns(comparison: Comparison) -> list[Quantity]:
    names = {str(name) for run in comparison.collection.runs for name in run.history.columns}
    return ordered(names - set(AXES) - {"images_per_second"})


def _svg_uri(comparison: Comparison, columns: list[Quantity]) -> str:
    drawing = figures.learning_curves(comparison.variants, columns)
    return (
        "data:image/svg+xml;base64," + base64.b64encode(figures.to_bytes(drawing, "svg")).decode()
    )


def _grids(variants: tuple[Variant, ...]) -> list[tuple[Variant, Run, str]]:
    """The first run with a picture of each variant."""
    grids = []
    for variant in variants:
        for run in (*variant.finished, *variant.runs):
            picture = pictures.final_grid(run)
            if picture is not None:
                grids.append((variant, run, picture))
                break
    return grids


def reason(run: Run) -> str:
    """Why a run did not finish, in words."""
    if run.record.status == "running":
        return "still running when this report was built, or killed without a trace"
    error = run.record.error or {}
    parts = [str(error[key]) for key in ("kind", "message") if error.get(key)]
    text = ": ".join(parts) or "no reason recorded"
    return f"{text} (step {error['step']})" if error.get("step") is not None else text
