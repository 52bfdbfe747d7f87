"""The page: what the template shows, in the order in which it shows it."""

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from gan_zoo.evaluation.metrics.registry import CHECKPOINTS
from gan_zoo.report import fairness, formatting, references, summary
from gan_zoo.report.classes import confusions, of_real_data, per_class
from gan_zoo.report.comparison import Comparison, Variant
from gan_zoo.report.data import curve_quantities, page_data, to_script
from gan_zoo.report.diagnostics import DIVERGENCE, GRADIENT
from gan_zoo.report.differences import config_differences
from gan_zoo.report.figures_metrics import matching
from gan_zoo.report.gallery import gallery
from gan_zoo.report.load import Run
from gan_zoo.report.palette import style
from gan_zoo.report.quantities import Quantity, quantity
from gan_zoo.report.sample_strips import Evolution
from gan_zoo.report.search import Budgets

_TEMPLATES = files("gan_zoo.report") / "templates"
_SCRIPTS = ("core.js", "chart.js", "table.js", "metrics.js", "curves.js", "samples.js")
_SHOWN_COLUMNS = 4  # metrics that the table shows unless asked for more


def render(comparison: Comparison, evolution: Evolution, budgets: Budgets) -> str:
    """The whole page as one self-contained HTML document."""
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "short": formatting.short,
        "count": formatting.count,
        "duration": formatting.duration,
        "breakable": breakable,
    }
    environment.globals |= {
        "style": style,
        "reason": reason,
        "quantity": quantity,
        "shades": shades,
    }
    template = environment.get_template("report.html")
    return template.render(_context(comparison) | _embedded(comparison, evolution, budgets))


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _embedded(comparison: Comparison, evolution: Evolution, budgets: Budgets) -> dict[str, Any]:
    """Style, script and data; the policy lets this script run and nothing else."""
    script = "(function () {\n" + "\n".join(map(_read, _SCRIPTS)) + "})();\n"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return {
        "css": Markup(_read("report.css")),  # our own files and JSON with <, > and & escaped
        "script": Markup(script),
        "script_hash": digest,
        "data": Markup(to_script(page_data(comparison, evolution, budgets))),
        "strips": evolution.strips,
        "budgets": any(budgets.values()),
    }


def _context(comparison: Comparison) -> dict[str, Any]:
    collection, variants = comparison.collection, comparison.variants
    details = {metric.detail for metric in comparison.primary}
    classes = per_class(variants)
    return {
        "names": collection.names,
        "comparison": comparison,
        "variants": variants,
        "metrics": comparison.metrics,
        "columns": _columns(comparison),
        "shown": [metric.base for metric in comparison.primary[:_SHOWN_COLUMNS]],
        "checkpoints": {key: CHECKPOINTS[key] for key in comparison.checkpoints},
        "references": {
            name: {
                metric: entry.value
                for metric, entries in comparison.references.items()
                for entry in entries
                if entry.name == name
            }
            for name in references.names(comparison.references)
        },
        "reference_title": references.title,
        "estimates": comparison.estimates,
        "protocol": details.pop() if len(details) == 1 else "",
        "datasets": sorted({str(run.record.dataset.get("name", "?")) for run in collection.runs}),
        "counts": _counts(collection.runs),
        "summary": summary.summary(comparison),
        "cautions": fairness.cautions(comparison),
        "ledger": [_ledger(variant) for variant in variants],
        "definitions": _definitions(comparison),
        "has_gradients": any(set(GRADIENT) <= set(run.history.columns) for run in collection.runs),
        "has_ranges": any(
            variant.divergence_range and any(DIVERGENCE in run.history for run in variant.runs)
            for variant in variants
        ),
        "has_curves": any(len(run.history) for run in collection.runs),
        "trade_offs": _trade_offs(comparison),
        "galleries": gallery(variants),
        "classes": {quantity(name): values for name, values in classes.items()},
        "class_references": of_real_data(comparison.references),
        "confusions": confusions(variants),
        "troubles": [run for run in collection.runs if run.record.status != "finished"],
        "repeated": collection.repeated,
        "noted": [run for run in collection.runs if run.notes],
        "points": any(_of_points(run) for run in collection.runs),
        "unreadable": collection.unreadable,
        "differences": config_differences(variants),
    }


def _columns(comparison: Comparison) -> list[Quantity]:
    """One metric for each column that can be chosen, whichever checkpoints have it."""
    found: dict[str, Quantity] = {}
    for metric in comparison.metrics:
        found.setdefault(metric.base, metric)
    return list(found.values())


def _definitions(comparison: Comparison) -> list[Quantity]:
    """Every quantity on the page once: a checkpoint or a class does not change what it means."""
    metrics = _columns(comparison)
    known = {metric.meaning for metric in metrics}
    history = {c.meaning: c for c in reversed(curve_quantities(comparison)) if c.meaning}
    return [*metrics, *(c for meaning, c in reversed(history.items()) if meaning not in known)]


def _counts(runs: tuple[Run, ...]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for run in runs:
        counts[run.record.status] = counts.get(run.record.status, 0) + 1
    return counts


def _of_points(run: Run) -> bool:
    """Whether the run learned points instead of images."""
    shape = run.record.dataset.get("sample_shape")
    return isinstance(shape, list) and len(shape) == 1


def _trade_offs(comparison: Comparison) -> list[tuple[Quantity, Quantity]]:
    return [
        *matching(comparison, "precision", "recall"),
        *matching(comparison, "density", "coverage"),
    ]


def breakable(text: str) -> Markup:
    """A dotted name that may be wrapped after its dots.

    >>> breakable("<a.b>")
    Markup('&lt;a.<wbr>b&gt;')
    """
    return escape(text).replace(".", Markup(".<wbr>"))


def shades(values: Mapping[int, Mapping[str, float]], better: int) -> dict[float, float]:
    """How far each number of a table is from its best, 0 to 1; nothing without a direction."""
    every = [value for row in values.values() for value in row.values()]
    worst, best = (min(every), max(every)) if better > 0 else (max(every), min(every))
    if better == 0 or worst == best:
        return {}
    return {value: (value - best) / (worst - best) for value in every}


def _ledger(variant: Variant) -> dict[str, Any]:
    """What a variant cost, and on what."""
    seconds, images = variant.progress("seconds"), variant.progress("images_seen")

    def facts(section: str, *keys: str) -> str:
        """The runs' entries as text, each once."""
        known = [getattr(run.record, section) for run in variant.runs]
        found = [
            " / ".join(_fact(entries[key]) for key in keys if entries.get(key) is not None)
            for entries in known
        ]
        return "; ".join(dict.fromkeys(entry for entry in found if entry)) or "–"

    return {
        "variant": variant,
        "speed": images / seconds if images and seconds else None,
        "generator": facts("parameters", "generator"),
        "discriminator": facts("parameters", "discriminator"),
        "hardware": facts("environment", "cpu", "device_name"),
        "device": facts("environment", "device", "threads", "precision"),
        "code": facts("environment", "gan_zoo", "commit"),
        "torch": facts("environment", "torch"),
    }


def _fact(value: object) -> str:
    return formatting.count(value) if isinstance(value, float) else str(value)


def reason(run: Run) -> str:
    """Why a run did not finish, in words."""
    if run.record.status == "running":
        at, of = (run.record.progress.get(name) for name in ("epoch", "epochs"))
        where = f" after epoch {at:.0f} of {of:.0f}" if at is not None and of is not None else ""
        return f"still running{where} when this report was built, or killed without a trace"
    error = run.record.error or {}
    parts = [str(error[key]) for key in ("kind", "message") if error.get(key)]
    text = ": ".join(parts) or "no reason recorded"
    return f"{text} (step {error['step']})" if error.get("step") is not None else text
