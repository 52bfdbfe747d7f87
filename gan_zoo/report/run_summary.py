"""The numbers printed at the end of a run or a sweep: plain text, without torch."""

import shutil
import statistics
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from gan_zoo.evaluation.metrics.registry import CHECKPOINTS
from gan_zoo.report.formatting import count, duration, short
from gan_zoo.report.quantities import Quantity, headline_checkpoint, ordered
from gan_zoo.runs.record import RunRecord

SHOWN = ("fid", "label_accuracy", "recall", "modes_covered", "high_quality", "reverse_kl_modes")
REFERENCES = {"real": "real", "kernel_density": "kernel density"}
MAX_METRICS = 3  # of runs that measured none of SHOWN


def run_summary(folder: Path, record: RunRecord) -> str:
    """Return a run's headline numbers beside those of the references, its time and its pictures.

    Args:
        folder: of the run.
        record: as the run ended.
    """
    checkpoint = headline_checkpoint([record.metrics])
    metrics = _shown(m for m in ordered(set(record.metrics)) if m.checkpoint == checkpoint)
    lines = ["no metrics were measured"]
    if metrics:
        names = _reference_names(record.reference_scores, metrics)
        rows = [["", CHECKPOINTS[checkpoint], *(REFERENCES[name] for name in names)]]
        for metric in metrics:
            known = record.reference_scores.get(metric.base, {})
            values = (record.metrics.get(metric.name), *map(known.get, names))
            rows.append([metric.short_title, *map(short, values)])
        lines = [_table(rows), _protocol(metrics)]
    if record.measured_epoch is not None:
        lines.append(f"measured at the last finite state, after epoch {record.measured_epoch}")
    seconds, updates = (record.progress.get(name) for name in ("seconds", "generator_updates"))
    if seconds is not None:
        lines.append(f"training: {seconds:.0f} s for {count(updates)} generator updates")
    if "grid" in record.artifacts:
        lines.append(f"samples: {folder / record.artifacts['grid']}")
    return "\n".join([*lines, f"run folder: {folder}"])


def sweep_summary(folder: Path) -> str:
    """Return a table of a sweep: a row for each variant, then the values of the references.

    Metrics are means over the finished seeds, ± their standard deviation if there are several.

    Raises:
        ReportError: there is no run below the folder.
    """
    from gan_zoo.report.comparison import compare
    from gan_zoo.report.load import load

    comparison = compare(load([folder]))
    metrics = _shown(comparison.primary)
    with_counts = any(len(v.runs) > 1 or not v.finished for v in comparison.variants)
    head = ["loss", *_titles(metrics), "training time"]
    rows = [
        [
            variant.name,
            *(_spread(variant.values(metric.name).values()) for metric in metrics),
            duration(variant.progress("seconds")),
        ]
        for variant in comparison.variants
    ]
    counts = [f"{len(v.finished)} of {len(v.runs)}" for v in comparison.variants]
    references = {
        metric: {entry.name: entry.value for entry in entries}
        for metric, entries in comparison.references.items()
    }
    for name in _reference_names(references, metrics):
        values = (references.get(metric.base, {}).get(name) for metric in metrics)
        rows.append([f"({REFERENCES[name]})", *map(short, values), ""])
        counts.append("")
    if with_counts:
        head.insert(1, "finished")
        for row, finished in zip(rows, counts, strict=True):
            row.insert(1, finished)
    table = _table([head, *rows])
    if not metrics:
        return f"{table}\nno metrics were measured"
    return f"{table}\n{CHECKPOINTS[metrics[0].checkpoint]}; {_protocol(metrics)}"


def _shown(metrics: Iterable[Quantity]) -> list[Quantity]:
    """Return those of ``SHOWN``, else the first ones."""
    known = list(metrics)
    starts = tuple(f"{start}_" for start in SHOWN)
    return [m for m in known if m.base.startswith(starts)] or known[:MAX_METRICS]


def _reference_names(
    values: Mapping[str, Mapping[str, float]], metrics: Sequence[Quantity]
) -> list[str]:
    """Return the references that some metric has; ``values`` is metric -> reference -> value."""
    return [n for n in REFERENCES if any(n in values.get(m.base, {}) for m in metrics)]


def _titles(metrics: Sequence[Quantity]) -> list[str]:
    """Return the metrics' titles, with the protocol where it is all that tells two apart."""
    known = Counter(metric.short_title for metric in metrics)
    return [
        m.short_title if known[m.short_title] == 1 else f"{m.short_title} ({m.detail})"
        for m in metrics
    ]


def _protocol(metrics: Sequence[Quantity]) -> str:
    return "; ".join(dict.fromkeys(metric.detail for metric in metrics))


def _spread(values: Collection[float]) -> str:
    """Return the mean, and ± the standard deviation of several values."""
    if not values:
        return short(None)
    mean = short(statistics.fmean(values))
    return f"{mean} ± {short(statistics.stdev(values), 2)}" if len(values) > 1 else mean


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns; on a terminal that is too narrow, a line for each cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *body = rows
    if sys.stdout.isatty() and sum(widths) + 2 * len(widths) > shutil.get_terminal_size().columns:
        lines = []
        for first, *cells in body:
            named = zip(head[1:], cells, strict=True)
            lines += [first, *(f"  {name}: {cell}" for name, cell in named if cell)]
        return "\n".join(lines)
    aligned = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows)
    return "\n".join("  ".join(cells).rstrip() for cells in aligned)
