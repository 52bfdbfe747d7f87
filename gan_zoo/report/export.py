"""The comparison as files: CSV and JSON for programs, Markdown and LaTeX for people."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from gan_zoo.report import fairness, formatting
from gan_zoo.report import summary as statements
from gan_zoo.report.comparison import Comparison, Variant, reference_title
from gan_zoo.report.loss_quality import LOSSES, correlation
from gan_zoo.report.profiles import optimality_gap
from gan_zoo.report.quantities import Quantity
from gan_zoo.report.search import Budgets, validation_column
from gan_zoo.report.statistics import Estimate, Interval
from gan_zoo.report.summary import headlines
from gan_zoo.runs.record import STATUSES

JSON_FORMAT = 1
COST = ("generator_updates", "discriminator_updates", "images_seen", "seconds")
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "–": "--",
    # after a line's \\ and after \midrule these would be an argument
    "[": "{[}", "]": "{]}", "*": "{*}", "\n": " ",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "é": r"\'e",
}  # fmt: skip
_LATEX_WIDTH = 6  # columns of one tabular beside the names
_MARKDOWN = {character: f"\\{character}" for character in "\\|*_`<>[]$~#&"} | {"\n": " "}


def summary_table(comparison: Comparison) -> pd.DataFrame:
    """Return a row per variant: seeds, statuses of runs, each metric's statistics, mean cost."""
    rows = []
    for variant in comparison.variants:
        row: dict[str, object] = {"variant": variant.name, "runs": len(variant.runs)}
        row["seeds"] = " ".join(str(run.record.seed) for run in variant.runs)
        row |= {status: variant.counts.get(status, 0) for status in STATUSES}
        for metric in comparison.metrics:
            found = comparison.estimate(variant, metric)
            row[f"{metric.name}_n"] = found.n if found else 0
            for name in ("mean", "median", "iqm"):
                row[f"{metric.name}_{name}"] = getattr(found, name, None)
            row[f"{metric.name}_gap"] = gap(comparison, variant, metric)
            row |= _ends(f"{metric.name}_t95", found.interval if found else None)
        row |= {name: variant.progress(name) for name in COST}
        rows.append(row)
    return pd.DataFrame(rows)


def run_table(comparison: Comparison) -> pd.DataFrame:
    """Return a row per run and final metric, cost or size of network: the long format.

    ``sampling_low`` and ``sampling_high`` are the 95% interval over samples of one run's metric, if
    it was recorded.
    """
    rows = []
    for variant in comparison.variants:
        for run in variant.runs:
            record = run.record
            known = [variant.name, record.loss, record.seed, record.status, run.label]
            kinds: dict[str, Mapping[str, float | None]] = {
                "metric": record.metrics,
                "progress": record.progress,
                "parameters": record.parameters,
            }
            rows += [
                [*known, record.run_id, kind, name, value, *record.intervals.get(name, (None,) * 2)]
                for kind, values in kinds.items()
                for name, value in values.items()
            ]
    columns = [
        "variant", "loss", "seed", "status", "run", "run_id", "kind", "quantity", "value",
        "sampling_low", "sampling_high",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def reference_table(comparison: Comparison) -> pd.DataFrame:
    """Return a row per metric and reference: the values of real data and of weak samplers."""
    rows = [
        [metric, entry.name, entry.value]
        for metric, entries in comparison.references.items()
        for entry in entries
    ]
    return pd.DataFrame(rows, columns=["metric", "reference", "value"])


def gap(comparison: Comparison, variant: Variant, metric: Quantity) -> float | None:
    """Return the optimality gap from real images (0) to the kernel density sampler (1)."""
    entries = comparison.references.get(metric.base, ())
    values = {entry.name: entry.value for entry in entries}
    if not {"real", "kernel_density"} <= set(values):
        return None
    return optimality_gap(variant, metric, values["real"], values["kernel_density"])


def loss_quality_table(comparison: Comparison) -> pd.DataFrame:
    """Return a row per headline metric, variant and network: how its loss goes with quality.

    Kendall's tau, positive where a lower held-out loss goes with better samples: within runs, over
    their measurements on validation, and between runs, over their final numbers.
    """
    rows = []
    for metric in headlines(comparison):
        for variant in comparison.variants:
            column = validation_column(metric.name, list(variant.finished))
            for network, loss in LOSSES.items():
                found = column and correlation(variant, loss, column, metric)
                if not found:
                    continue
                within = found.within_interval
                rows.append(
                    {
                        "metric": metric.name,
                        "variant": variant.name,
                        "network": network,
                        "within_mean": found.within_mean,
                        "within_t95_low": within.low if within else None,
                        "within_t95_high": within.high if within else None,
                        "between": found.between,
                        "runs": found.runs,
                        "p_between": found.p,
                    }
                )
    columns = [
        "metric", "variant", "network", "within_mean", "within_t95_low", "within_t95_high",
        "between", "runs", "p_between",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def pair_table(comparison: Comparison) -> pd.DataFrame:
    """Return a row per metric and pair of variants."""
    rows = [
        {
            "metric": metric,
            "first": comparison.variants[pair.first].name,
            "second": comparison.variants[pair.second].name,
            "n_first": pair.n,
            "n_second": pair.m,
            "probability_of_improvement": pair.theta,
            **_ends("probability", pair.interval),
            "p_mann_whitney": pair.p,
            "p_holm": pair.p_holm,
            "hodges_lehmann": pair.shift,
            **_ends("hodges_lehmann", pair.shift_interval),
            "hedges_g": pair.effect,
            "shared_seeds": pair.shared,
            "wins_on_shared_seeds": pair.wins,
            "mean_paired_difference": pair.paired_shift,
            **_ends("paired_t95", pair.paired_interval),
            "p_sign_flip": pair.p_paired,
        }
        for metric, pairs in comparison.pairs.items()
        for pair in pairs
    ]
    return pd.DataFrame(rows)


def _ends(name: str, interval: Interval | None) -> dict[str, float | None]:
    return {f"{name}_{end}": getattr(interval, end, None) for end in ("low", "high")}


def to_csv(table: pd.DataFrame) -> str:
    """Return CSV with all digits and empty cells for missing values."""
    return table.to_csv(index=False, lineterminator="\n")


def to_json(comparison: Comparison, budgets: Budgets, written: list[str]) -> str:
    """Return all statistics with all their digits; numbers that are not finite are null."""
    collection = comparison.collection
    content = {
        "format": JSON_FORMAT,
        "folders": collection.names,
        "summary": [asdict(statement) for statement in statements.summary(comparison)],
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
                    if (found := comparison.estimate(variant, metric))
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
        "rankings": ranking_values(comparison),
        "best_of_k": {name: [asdict(s) for s in found] for name, found in budgets.items()},
        "unreadable": [asdict(item) for item in collection.unreadable],
        "repeated": [run.label for run in collection.repeated],
        "files": written,
    }
    return json.dumps(json_values(content), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def ranking_values(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """Return metric -> its ranking and the indices of the ranked variants."""
    return {
        name: {"variants": variants, **asdict(ranking)}
        for name, (variants, ranking) in comparison.rankings.items()
    }


def json_values(value: Any, digits: int | None = None) -> Any:
    """Replace numbers that are not finite by None; round others to ``digits`` significant ones."""
    if isinstance(value, float):
        if digits is None or not math.isfinite(value):
            return value if math.isfinite(value) else None
        short = float(f"{value:.{digits}g}")
        return int(short) if short.is_integer() and abs(short) < 1e15 else short
    if isinstance(value, dict):
        return {str(key): json_values(entry, digits) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(entry, digits) for entry in value]
    return value


def to_markdown(comparison: Comparison) -> str:
    """Return the results table: mean and 95% t-interval over finished seeds."""
    escape = str.maketrans(_MARKDOWN)
    rows = zip(*_columns(comparison), strict=True)
    lines = [[cell.translate(escape) for cell in row] for row in rows]
    lines.insert(1, [":--", ":--", ":--", *["--:"] * (len(lines[0]) - 3)])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\nMean over finished seeds [95% t-interval of the mean].\n"


def to_latex(comparison: Comparison) -> str:
    """Return the results table for the package booktabs, in parts that fit a page's width."""
    names, *columns = _columns(comparison)
    parts = [columns[i : i + _LATEX_WIDTH] for i in range(0, len(columns), _LATEX_WIDTH)]
    note = "% mean over finished seeds [95% t-interval of the mean]; needs the package booktabs"
    return "\n".join([note, *(_tabular([names, *part]) for part in parts)]) + "\n"


def _tabular(columns: list[list[str]]) -> str:
    escape = str.maketrans(_LATEX)
    rows = zip(*columns, strict=True)
    head, *body = [" & ".join(cell.translate(escape) for cell in row) + r" \\" for row in rows]
    begin = rf"\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}"
    lines = [begin, r"\toprule", head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}"]
    return "\n".join(lines)


def _columns(comparison: Comparison) -> list[list[str]]:
    """Return the page's table as text, column by column: heading, variants, references."""
    variants, others = comparison.variants, comparison.reference_names
    blank = [""] * len(others)
    finished = [f"{len(v.finished)} of {len(v.runs)}" for v in variants]
    columns = [
        ["Variant", *(v.name for v in variants), *map(reference_title, others)],
        ["Seeds", *(v.seeds for v in variants), *blank],
        ["Finished", *finished, *blank],
    ]
    for metric in comparison.primary:
        known = {entry.name: entry.value for entry in comparison.references.get(metric.base, ())}
        cells = [_cell(comparison.estimate(v, metric)) for v in variants]
        cells += [formatting.short(known.get(name)) for name in others]
        columns.append([f"{metric.full_title} {metric.arrow}".strip(), *cells])
    costs = {"G updates": "generator_updates", "D updates": "discriminator_updates"}
    for title, name in costs.items():
        columns.append([title, *(formatting.count(v.progress(name)) for v in variants), *blank])
    seconds = [formatting.duration(v.progress("seconds")) for v in variants]
    return [*columns, ["Time", *seconds, *blank]]


def _cell(found: Estimate | None) -> str:
    if found is None or found.interval is None:
        return formatting.short(found.mean if found else None)
    low, high = formatting.short(found.interval.low), formatting.short(found.interval.high)
    return f"{formatting.short(found.mean)} [{low}, {high}]"
