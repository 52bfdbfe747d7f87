"""report.json: everything the report says, for programs."""

import json
import math
from dataclasses import asdict
from typing import Any

from gan_zoo.report import fairness, summary
from gan_zoo.report.comparison import Comparison
from gan_zoo.report.search import Budgets

FORMAT = 1


def report_json(comparison: Comparison, budgets: Budgets, written: list[str]) -> str:
    """The statistics with all their digits; numbers that are not finite are null."""
    collection = comparison.collection
    content = {
        "format": FORMAT,
        "folders": collection.names,
        "summary": [asdict(statement) for statement in summary.summary(comparison)],
        "cautions": [asdict(caution) for caution in fairness.cautions(comparison)],
        "variants": [
            {
                "name": variant.name,
                "seeds": [run.record.seed for run in variant.runs],
                "statuses": variant.counts,
                "values": {m.name: variant.values(m.name) for m in comparison.metrics},
                "sampling_intervals": {
                    str(run.record.seed): run.record.intervals
                    for run in variant.finished
                    if run.record.intervals
                },
                "estimates": {
                    metric.name: asdict(found)
                    for metric in comparison.metrics
                    if (found := comparison.estimates.get((variant.name, metric.name)))
                },
            }
            for variant in comparison.variants
        ],
        "metrics": [asdict(metric) for metric in comparison.metrics],
        "references": {
            metric: {entry.name: entry.value for entry in entries}
            for metric, entries in comparison.references.items()
        },
        "pairs": {name: [asdict(p) for p in pairs] for name, pairs in comparison.pairs.items()},
        "rankings": {
            name: {"variants": variants, **asdict(ranking)}
            for name, (variants, ranking) in comparison.rankings.items()
        },
        "best_of_k": {name: [asdict(s) for s in found] for name, found in budgets.items()},
        "unreadable": [asdict(item) for item in collection.unreadable],
        "repeated": [run.label for run in collection.repeated],
        "files": written,
    }
    return json.dumps(_clean(content), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _clean(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _clean(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(entry) for entry in value]
    return value
