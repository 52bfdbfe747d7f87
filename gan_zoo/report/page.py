"""The page: what the templates show, and the numbers that its script draws."""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, fields
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from gan_zoo.evaluation.metrics.registry import CHECKPOINTS
from gan_zoo.report import fairness, formatting, summary
from gan_zoo.report.classes import confusions, per_class
from gan_zoo.report.comparison import Comparison, Pair, Variant, reference_title
from gan_zoo.report.diagnostics import DIVERGENCE, GRADIENT, LOGARITHMIC
from gan_zoo.report.export import json_values, ranking_values
from gan_zoo.report.load import Run
from gan_zoo.report.pictures import SampleStrips, gallery
from gan_zoo.report.plot_style import style
from gan_zoo.report.published import published
from gan_zoo.report.quantities import AXES, Quantity, quantity
from gan_zoo.report.search import Budgets
from gan_zoo.report.statistics import Interval

MAX_POINTS = 200  # of one curve on the page; the files keep all
DIGITS = 6  # of numbers in the page's script
SHOWN_COLUMNS = 4  # metrics that the table shows by default
_TEMPLATES = files("gan_zoo.report") / "templates"
_SCRIPTS = ("core.js", "chart.js", "table.js", "metrics.js", "curves.js", "samples.js")


def render(comparison: Comparison, samples: SampleStrips, budgets: Budgets) -> str:
    """Return the whole page as one self-contained HTML document."""
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
        "reference_title": reference_title,
    }
    # the policy lets this script run and nothing else
    script = "(function () {\n" + "\n".join(map(_read, _SCRIPTS)) + "})();\n"
    embedded = {
        "css": Markup(_read("report.css")),  # our own files, and JSON with <, > and & escaped
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "data": Markup(to_script(page_data(comparison, samples, budgets))),
        "strips": samples.strips,
        "budgets": any(budgets.values()),
    }
    return environment.get_template("report.html").render(_context(comparison) | embedded)


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _context(comparison: Comparison) -> dict[str, Any]:
    collection, variants = comparison.collection, comparison.variants
    runs = collection.runs
    details = {metric.detail for metric in comparison.primary}
    return {
        "names": collection.names,
        "comparison": comparison,
        "variants": variants,
        "metrics": comparison.metrics,
        "columns": _columns(comparison),
        "shown": [metric.base for metric in comparison.primary[:SHOWN_COLUMNS]],
        "checkpoints": {key: CHECKPOINTS[key] for key in comparison.checkpoints},
        "references": {
            name: {
                metric: entry.value
                for metric, entries in comparison.references.items()
                for entry in entries
                if entry.name == name
            }
            for name in comparison.reference_names
        },
        "protocol": details.pop() if len(details) == 1 else "",
        "datasets": sorted({str(run.record.dataset.get("name", "?")) for run in runs}),
        "counts": Counter(run.record.status for run in runs),
        "summary": summary.summary(comparison),
        "cautions": fairness.cautions(comparison),
        "costs": [_cost(variant) for variant in variants],
        "definitions": _definitions(comparison),
        "has_gradients": any(set(GRADIENT) <= set(run.history.columns) for run in runs),
        "has_ranges": any(
            variant.divergence_range and any(DIVERGENCE in run.history for run in variant.runs)
            for variant in variants
        ),
        "has_curves": any(len(run.history) for run in runs),
        "trade_offs": [
            *comparison.protocol_pairs("precision", "recall"),
            *comparison.protocol_pairs("density", "coverage"),
        ],
        "galleries": gallery(variants),
        "classes": {quantity(name): values for name, values in per_class(variants).items()},
        "confusions": confusions(variants),
        "unfinished": [run for run in runs if run.record.status != "finished"],
        "repeated": collection.repeated,
        "noted": [run for run in runs if run.notes],
        "points": any(_is_of_points(run) for run in runs),
        "unreadable": collection.unreadable,
        "differences": fairness.config_differences(variants),
        "published": published([run.record for run in runs]),
    }


def _columns(comparison: Comparison) -> list[Quantity]:
    """Return one metric for each column that can be chosen, whichever checkpoints have it."""
    found: dict[str, Quantity] = {}
    for metric in comparison.metrics:
        found.setdefault(metric.base, metric)
    return list(found.values())


def _definitions(comparison: Comparison) -> list[Quantity]:
    """Return every quantity on the page once, whatever its checkpoints and classes."""
    metrics = _columns(comparison)
    known = {metric.meaning for metric in metrics}
    history = {c.meaning: c for c in reversed(comparison.history_columns()) if c.meaning}
    return [*metrics, *(c for meaning, c in reversed(history.items()) if meaning not in known)]


def _is_of_points(run: Run) -> bool:
    """Return whether the run learned points instead of images."""
    shape = run.record.dataset.get("sample_shape")
    return isinstance(shape, list) and len(shape) == 1


def breakable(text: str) -> Markup:
    """Return a dotted name that may be wrapped after its dots.

    >>> breakable("<a.b>")
    Markup('&lt;a.<wbr>b&gt;')
    """
    return escape(text).replace(".", Markup(".<wbr>"))


def shades(values: Mapping[int, Mapping[str, float]], better: int) -> dict[float, float]:
    """Return how far each number of a table is from its best, 0 to 1; empty without direction."""
    every = [value for row in values.values() for value in row.values()]
    worst, best = (min(every), max(every)) if better > 0 else (max(every), min(every))
    if better == 0 or worst == best:
        return {}
    return {value: (value - best) / (worst - best) for value in every}


def _cost(variant: Variant) -> dict[str, Any]:
    """Return a variant's speed, sizes, hardware and code."""
    seconds, images = variant.progress("seconds"), variant.progress("images_seen")

    def facts(section: str, *keys: str) -> str:
        """Return the runs' entries as text, each once."""
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
    """Return why a run did not finish."""
    if run.record.status == "running":
        at, of = (run.record.progress.get(name) for name in ("epoch", "epochs"))
        where = f" after epoch {at:.0f} of {of:.0f}" if at is not None and of is not None else ""
        return f"still running{where} when this report was built, or killed"
    error = run.record.error or {}
    parts = [str(error[key]) for key in ("kind", "message") if error.get(key)]
    text = ": ".join(parts) or "no reason recorded"
    return f"{text} (step {error['step']})" if error.get("step") is not None else text


def page_data(comparison: Comparison, samples: SampleStrips, budgets: Budgets) -> dict[str, Any]:
    """Return everything that the page's script draws."""
    columns = comparison.history_columns()
    directed = [metric for metric in comparison.metrics if metric.better]
    return {
        "variants": [_variant(variant) for variant in comparison.variants],
        "axes": [[name, quantity(name).title] for name in AXES],
        "columns": [_quantity(column) | {"title": column.full_title} for column in columns],
        "metrics": [_quantity(metric) for metric in comparison.metrics],
        "checkpoints": [[key, CHECKPOINTS[key]] for key in comparison.checkpoints],
        "references": {
            metric: [[entry.name, entry.title, entry.value] for entry in entries]
            for metric, entries in comparison.references.items()
        },
        "runs": [
            _curves(run, variant.index, [column.name for column in columns])
            for variant in comparison.variants
            for run in variant.runs
        ],
        "values": {metric.name: _values(comparison, metric) for metric in comparison.metrics},
        "pair": [field.name for field in fields(Pair)],  # the entries of each row of "pairs"
        "pairs": {m.name: [_row(p) for p in comparison.pairs[m.name]] for m in directed},
        "rankings": ranking_values(comparison),
        "budgets": {name: [asdict(s) for s in found] for name, found in budgets.items() if found},
        "strips": [asdict(strip) for strip in samples.strips],
    }


def to_script(data: dict[str, Any]) -> str:
    """Return JSON that is safe inside a script element: without <, >, & and line separators.

    >>> to_script({"a": "</script>"})
    '{"a":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(json_values(data, DIGITS), separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _variant(variant: Variant) -> dict[str, Any]:
    look = style(variant.index)
    return {
        "name": variant.name,
        "light": look.light,
        "dark": look.dark,
        "dash": " ".join(f"{length:g}" for length in look.dash),
        "shape": look.marker,
        "seeds": variant.seeds,
        "range": variant.divergence_range,
    }


def _quantity(item: Quantity) -> dict[str, Any]:
    names = ("name", "title", "detail", "better", "arrow", "direction", "base", "checkpoint")
    return {n: getattr(item, n) for n in names} | {"log": item.base.startswith(LOGARITHMIC)}


def _row(pair: Pair) -> list[Any]:
    """Return a pair's values without their names: there may be thousands of pairs."""
    values = (getattr(pair, field.name) for field in fields(Pair))
    return [asdict(value) if isinstance(value, Interval) else value for value in values]


def _curves(run: Run, variant: int, columns: list[str]) -> dict[str, Any]:
    history = _thinned(run.history)
    return {
        "variant": variant,
        "seed": run.record.seed,
        "status": run.record.status,
        "curves": {
            name: history[name].tolist() for name in (*AXES, *columns) if name in history.columns
        },
    }


def _thinned(history: pd.DataFrame) -> pd.DataFrame:
    """Keep at most ``MAX_POINTS`` epochs, the same for all seeds, and the last one."""
    if len(history) <= MAX_POINTS:
        return history
    step = -(-len(history) // MAX_POINTS)
    last = len(history) - 1
    return history[(history["epoch"] % step == 0) | (history.index == last)]


def _values(comparison: Comparison, metric: Quantity) -> list[dict[str, Any]]:
    """Return for each variant the runs (seed, value, status, interval if known) and estimate."""
    found = []
    for variant in comparison.variants:
        runs = [
            [
                run.record.seed,
                run.record.metrics.get(metric.name),
                run.record.status,
                *run.record.intervals.get(metric.name, []),
            ]
            for run in variant.runs
        ]
        estimate = comparison.estimate(variant, metric)
        found.append({"runs": runs, "estimate": asdict(estimate) if estimate else None})
    return found
