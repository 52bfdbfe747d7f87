"""The results table for people: Markdown, and LaTeX for papers."""

from gan_zoo.report import formatting, references
from gan_zoo.report.comparison import Comparison
from gan_zoo.report.statistics import Estimate

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


def _columns(comparison: Comparison) -> list[list[str]]:
    """The table of the page as text, column by column: heading, variants, references."""
    variants, others = comparison.variants, references.names(comparison.references)
    blank = [""] * len(others)
    finished = [f"{len(v.finished)} of {len(v.runs)}" for v in variants]
    columns = [
        ["Variant", *(v.name for v in variants), *map(references.title, others)],
        ["Seeds", *(v.seeds for v in variants), *blank],
        ["Finished", *finished, *blank],
    ]
    for metric in comparison.primary:
        known = {entry.name: entry.value for entry in comparison.references.get(metric.base, ())}
        cells = [_cell(comparison.estimates.get((v.name, metric.name))) for v in variants]
        cells += [formatting.short(known.get(name)) for name in others]
        columns.append([f"{metric.full_title} {metric.arrow}".strip(), *cells])
    costs = {"G updates": "generator_updates", "D updates": "discriminator_updates"}
    for title, name in costs.items():
        columns.append([title, *(formatting.count(v.progress(name)) for v in variants), *blank])
    seconds = [formatting.duration(v.progress("seconds")) for v in variants]
    return [*columns, ["Time", *seconds, *blank]]


def _cell(found: Estimate | None) -> str:
    if found is None:
        return formatting.short(None)
    if found.interval is None:
        return formatting.short(found.mean)
    low, high = formatting.short(found.interval.low), formatting.short(found.interval.high)
    return f"{formatting.short(found.mean)} [{low}, {high}]"


def markdown(comparison: Comparison) -> str:
    """The results table: mean and 95% t-interval over finished seeds."""
    escape = str.maketrans(_MARKDOWN)
    head, *rows = zip(*_columns(comparison), strict=True)
    lines = [[cell.translate(escape) for cell in row] for row in (head, *rows)]
    lines.insert(1, [":--", ":--", ":--", *["--:"] * (len(head) - 3)])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\nMean over finished seeds [95% t-interval of the mean].\n"


def latex(comparison: Comparison) -> str:
    """The results table for the package booktabs, in as many parts as fit a page's width."""
    names, *columns = _columns(comparison)
    parts = [columns[i : i + _LATEX_WIDTH] for i in range(0, len(columns), _LATEX_WIDTH)]
    note = "% mean over finished seeds [95% t-interval of the mean]; needs the package booktabs"
    return "\n".join([note, *(_tabular([names, *part]) for part in parts)]) + "\n"


def _tabular(columns: list[list[str]]) -> str:
    escape = str.maketrans(_LATEX)
    rows = zip(*columns, strict=True)
    body = [" & ".join(cell.translate(escape) for cell in row) + r" \\" for row in rows]
    lines = [
        rf"\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}",
        r"\toprule", body[0], r"\midrule", *body[1:], r"\bottomrule", r"\end{tabular}",
    ]  # fmt: skip
    return "\n".join(lines)
