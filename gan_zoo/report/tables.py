"""Tables as files: CSV with all digits, Markdown and LaTeX for papers."""

from collections.abc import Mapping

import pandas as pd

from gan_zoo.records import STATUSES
from gan_zoo.report import numbers
from gan_zoo.report.comparison import Comparison

COST = ("generator_updates", "discriminator_updates", "images_seen", "seconds")
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "–": "--",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "é": r"\'e",
}  # fmt: skip
_MARKDOWN = {character: f"\\{character}" for character in "\\|*_`<>[]$~#&"} | {"\n": " "}


def summary(comparison: Comparison) -> pd.DataFrame:
    """One row per variant: seeds, how runs ended, each metric's statistics, mean cost."""
    rows = []
    for variant in comparison.variants:
        row: dict[str, object] = {"variant": variant.name, "runs": len(variant.runs)}
        row["seeds"] = " ".join(str(run.record.seed) for run in variant.runs)
        row |= {status: variant.counts.get(status, 0) for status in STATUSES}
        for metric in comparison.metrics:
            found = comparison.estimates.get((variant.name, metric.name))
            interval = found.interval if found else None
            row[f"{metric.name}_n"] = found.n if found else 0
            row[f"{metric.name}_mean"] = found.mean if found else None
            row[f"{metric.name}_median"] = found.median if found else None
            row[f"{metric.name}_iqm"] = found.iqm if found else None
            row[f"{metric.name}_t95_low"] = interval.low if interval else None
            row[f"{metric.name}_t95_high"] = interval.high if interval else None
        row |= {name: variant.progress(name) for name in COST}
        rows.append(row)
    return pd.DataFrame(rows)


def runs(comparison: Comparison) -> pd.DataFrame:
    """Long format: one row per run and final metric, cost or size of network."""
    rows = []
    for variant in comparison.variants:
        for run in variant.runs:
            record = run.record
            known = {"variant": variant.name, "loss": record.loss, "seed": record.seed}
            known |= {"status": record.status, "run": run.label, "run_id": record.run_id}
            kinds: dict[str, Mapping[str, float | None]] = {
                "metric": record.metrics,
                "progress": record.progress,
                "parameters": record.parameters,
            }
            rows += [
                {**known, "kind": kind, "quantity": name, "value": value}
                for kind, values in kinds.items()
                for name, value in values.items()
            ]
    columns = [
        "variant", "loss", "seed", "status", "run", "run_id", "kind", "quantity", "value",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def comparisons(comparison: Comparison) -> pd.DataFrame:
    """One row per metric and pair of variants."""
    rows = []
    for metric, pairs in comparison.pairs.items():
        for pair in pairs:
            shift, within = pair.shift_interval, pair.interval
            rows.append(
                {
                    "metric": metric,
                    "first": comparison.variants[pair.first].name,
                    "second": comparison.variants[pair.second].name,
                    "n_first": pair.n,
                    "n_second": pair.m,
                    "probability_of_improvement": pair.theta,
                    "probability_low": within.low if within else None,
                    "probability_high": within.high if within else None,
                    "p_mann_whitney": pair.p,
                    "p_holm": pair.p_holm,
                    "hodges_lehmann": pair.shift,
                    "hodges_lehmann_low": shift.low if shift else None,
                    "hodges_lehmann_high": shift.high if shift else None,
                    "hedges_g": pair.effect,
                    "shared_seeds": pair.shared,
                    "wins_on_shared_seeds": pair.wins,
                    "mean_paired_difference": pair.paired_shift,
                    "p_sign_flip": pair.p_paired,
                }
            )
    return pd.DataFrame(rows)


def to_csv(table: pd.DataFrame) -> str:
    """CSV with all digits and empty cells for what is missing."""
    return table.to_csv(index=False, lineterminator="\n")


def _cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """The table of the page as text: header and rows."""
    titles = [f"{m.title} {m.arrow}".strip() for m in comparison.metrics]
    head = ["Variant", "Seeds", "Finished", *titles, "G updates", "D updates", "Time"]
    rows = []
    for variant in comparison.variants:
        cells = [variant.name, variant.seeds]
        cells.append(f"{len(variant.finished)} of {len(variant.runs)}")
        for metric in comparison.metrics:
            found = comparison.estimates.get((variant.name, metric.name))
            cell = numbers.short(found.mean) if found else "–"
            if found and found.interval:
                bounds = (numbers.short(found.interval.low), numbers.short(found.interval.high))
                cell += f" [{bounds[0]}, {bounds[1]}]"
            cells.append(cell)
        cells += [numbers.count(variant.progress(name)) for name in COST[:2]]
        rows.append([*cells, numbers.duration(variant.progress("seconds"))])
    return head, rows


def markdown(comparison: Comparison) -> str:
    """The results table: mean and 95% t-interval over finished seeds."""
    head, rows = _cells(comparison)
    lines = [head, [":--", ":--", ":--", *["--:"] * (len(head) - 3)], *rows]
    escape = str.maketrans(_MARKDOWN)
    cells = [[c if i == 1 else c.translate(escape) for c in line] for i, line in enumerate(lines)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in cells)
    return f"{table}\n\nMean over finished seeds [95% t-interval of the mean].\n"


def latex(comparison: Comparison) -> str:
    """The results table for the package booktabs."""
    head, rows = _cells(comparison)
    escape = str.maketrans(_LATEX)
    body = [" & ".join(cell.translate(escape) for cell in row) + r" \\" for row in [head, *rows]]
    lines = [
        "% mean over finished seeds [95% t-interval of the mean]; needs the package booktabs",
        rf"\begin{{tabular}}{{lll{'r' * (len(head) - 3)}}}",
        r"\toprule", body[0], r"\midrule", *body[1:], r"\bottomrule", r"\end{tabular}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
