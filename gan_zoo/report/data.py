"""The numbers behind the page's charts, as one JSON object inside it."""

import json
import math
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from gan_zoo.evaluation.metrics.registry import CHECKPOINTS
from gan_zoo.report.comparison import Comparison
from gan_zoo.report.diagnostics import LOGARITHMIC
from gan_zoo.report.load import Run
from gan_zoo.report.pairs import Pair
from gan_zoo.report.palette import style
from gan_zoo.report.quantities import AXES, Quantity, ordered, quantity
from gan_zoo.report.sample_strips import Evolution
from gan_zoo.report.search import Budgets
from gan_zoo.report.statistics import Interval

_MOST_POINTS = 200  # of one curve on the page; the files keep all
_DIGITS = 6


def curve_quantities(comparison: Comparison) -> list[Quantity]:
    """History columns that have values: validation metrics, diagnostics, then losses."""
    names: set[str] = set()
    for run in comparison.collection.runs:
        filled = run.history.columns[run.history.notna().any()]
        names |= {str(name) for name in filled}
    first = comparison.checkpoints[0] if comparison.checkpoints else ""
    return ordered(names - set(AXES) - {"images_per_second"}, first)


def page_data(comparison: Comparison, evolution: Evolution, budgets: Budgets) -> dict[str, Any]:
    """Everything that the page's script draws."""
    columns = curve_quantities(comparison)
    directed = [metric for metric in comparison.metrics if metric.better]
    return {
        "variants": [_variant(comparison, index) for index in range(len(comparison.variants))],
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
        "rankings": {
            name: {"variants": variants, **asdict(ranking)}
            for name, (variants, ranking) in comparison.rankings.items()
        },
        "budgets": {name: [asdict(s) for s in found] for name, found in budgets.items() if found},
        "strips": [asdict(strip) for strip in evolution.strips],
    }


def to_script(data: dict[str, Any]) -> str:
    """JSON that is safe inside a script element: no <, >, & and no line separators.

    >>> to_script({"a": "</script>"})
    '{"a":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(_rounded(data), separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _variant(comparison: Comparison, index: int) -> dict[str, Any]:
    variant, look = comparison.variants[index], style(index)
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
    return {
        "name": item.name,
        "title": item.title,
        "detail": item.detail,
        "better": item.better,
        "arrow": item.arrow,
        "direction": item.direction,
        "base": item.base,
        "checkpoint": item.checkpoint,
        "log": item.base.startswith(LOGARITHMIC),
    }


def _row(pair: Pair) -> list[Any]:
    """A pair without the names of its entries: there may be thousands of pairs."""
    return [
        {"low": value.low, "high": value.high} if isinstance(value, Interval) else value
        for value in (getattr(pair, field.name) for field in fields(Pair))
    ]


def _curves(run: Run, variant: int, columns: list[str]) -> dict[str, Any]:
    history = _thinned(run.history, columns)
    wanted = [name for name in (*AXES, *columns) if name in history.columns]
    return {
        "variant": variant,
        "seed": run.record.seed,
        "status": run.record.status,
        "curves": {name: history[name].tolist() for name in wanted},
    }


def _thinned(history: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """At most so many epochs, chosen by their number, the same for all seeds; the last is kept."""
    if len(history) <= _MOST_POINTS:
        return history
    step = -(-len(history) // _MOST_POINTS)
    last = len(history) - 1
    return history[(history["epoch"] % step == 0) | (history.index == last)]


def _values(comparison: Comparison, metric: Quantity) -> list[dict[str, Any]]:
    """For each variant: the runs (seed, value, status, its interval if known), the estimate."""
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
        estimate = comparison.estimates.get((variant.name, metric.name))
        found.append({"runs": runs, "estimate": asdict(estimate) if estimate else None})
    return found


def _rounded(value: Any) -> Any:
    """Numbers to a few significant digits, non-finite ones to null."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        short = float(f"{value:.{_DIGITS}g}")
        return int(short) if short.is_integer() and abs(short) < 1e15 else short
    if isinstance(value, dict):
        return {str(key): _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return value
