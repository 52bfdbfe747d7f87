"""The numbers that a run or a sweep ends with on the terminal: plain text, no torch."""

import shutil
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from gan_zoo.evaluation.metrics.registry import CHECKPOINTS
from gan_zoo.report.formatting import count, duration, short
from gan_zoo.report.quantities import Quantity, class_of, headline_checkpoint, ordered
from gan_zoo.runs.record import RunRecord

SHOWN = ("fid", "label_accuracy", "recall", "modes_covered", "high_quality", "reverse_kl_modes")
REFERENCES = {"real": "real", "kernel_density": "kernel density"}
MAX_METRICS = 3  # of those that none of SHOWN is among


def run_summary(folder: Path, record: RunRecord) -> str:
    """Return what a run ends with: its headline numbers beside the references', time, pictures.

    Args:
        folder: of the run.
        record: as it ended.
    """
    metrics = headline_metrics([record])
    lines = []
    if metrics:
        references = _references([record], metrics)
        head = ["", _checkpoint(metrics), *(REFERENCES[name] for name in references)]
        rows = [
            [
                metric.short_title,
                short(record.metrics.get(metric.name)),
                *(short(values.get(metric.base)) for values in references.values()),
            ]
            for metric in metrics
        ]
        lines += [_table([head, *rows]), _protocol(metrics)]
    else:
        lines.append("no metrics were measured")
    if record.measured_epoch is not None:
        lines.append(f"measured at the last good state, after epoch {record.measured_epoch}")
    seconds, updates = (record.progress.get(name) for name in ("seconds", "generator_updates"))
    if seconds is not None:
        lines.append(f"training: {seconds:.0f} s for {count(updates)} generator updates")
    if "grid" in record.artifacts:
        lines.append(f"samples: {folder / record.artifacts['grid']}")
    lines.append(f"run folder: {folder}")
    return "\n".join(lines)


def sweep_summary(folder: Path) -> str:
    """Return a table of a sweep: a row for each variant, then what the references reach.

    Metrics are means over the finished seeds, ± their standard deviation where there are several.

    Raises:
        ReportError: there is no run below the folder.
    """
    from gan_zoo.report.load import load

    runs = load([folder]).runs
    groups: dict[str, list[RunRecord]] = {}
    for run in runs:
        groups.setdefault(run.variant, []).append(run.record)
    metrics = headline_metrics([run.record for run in runs])
    with_counts = any(len(group) > 1 or group[0].status != "finished" for group in groups.values())
    counts = ["finished"] if with_counts else []
    head = ["loss", *counts, *(metric.short_title for metric in metrics), "training time"]
    rows = [
        [
            name,
            *[f"{len(_finished(group))} of {len(group)}" for _ in counts],
            *(_spread([run.metrics.get(metric.name) for run in _finished(group)])
              for metric in metrics),
            _mean_seconds(_finished(group)),
        ]
        for name, group in groups.items()
    ]  # fmt: skip
    rows += [
        [name, *("" for _ in counts), *(short(values.get(m.base)) for m in metrics), ""]
        for name, values in _named_references([run.record for run in runs], metrics).items()
    ]
    table = _table([head, *rows])
    if not metrics:
        return f"{table}\nno metrics were measured"
    return f"{table}\n{_checkpoint(metrics)}; {_protocol(metrics)}"


def headline_metrics(records: Sequence[RunRecord]) -> list[Quantity]:
    """Return the metrics that the records have of ``SHOWN``, else the catalogue's first ones."""
    checkpoint = headline_checkpoint([record.metrics for record in records])
    names = {name for record in records for name in record.metrics if class_of(name) is None}
    known = [metric for metric in ordered(names) if metric.checkpoint == checkpoint]
    starts = tuple(f"{start}_" for start in SHOWN)
    chosen = [metric for metric in known if metric.base.startswith(starts)]
    return chosen or known[:MAX_METRICS]


def _checkpoint(metrics: Sequence[Quantity]) -> str:
    return CHECKPOINTS[metrics[0].checkpoint]


def _protocol(metrics: Sequence[Quantity]) -> str:
    return "; ".join(dict.fromkeys(metric.detail for metric in metrics))


def _finished(records: Sequence[RunRecord]) -> list[RunRecord]:
    return [record for record in records if record.status == "finished"]


def _spread(values: Sequence[float | None]) -> str:
    """Return the mean, and ± the standard deviation of several values."""
    known = [value for value in values if value is not None]
    if not known:
        return short(None)
    mean = short(statistics.fmean(known))
    return f"{mean} ± {short(statistics.stdev(known), 2)}" if len(known) > 1 else mean


def _mean_seconds(records: Sequence[RunRecord]) -> str:
    seconds = [record.progress["seconds"] for record in records if "seconds" in record.progress]
    return duration(statistics.fmean(seconds) if seconds else None)


def _references(
    records: Sequence[RunRecord], metrics: Sequence[Quantity]
) -> dict[str, dict[str, float]]:
    """Return reference -> metric without its checkpoint -> value, the median over the runs."""
    found: dict[str, dict[str, float]] = {}
    for name in REFERENCES:
        for metric in metrics:
            scores = (record.reference_scores.get(metric.base, {}) for record in records)
            known = [values[name] for values in scores if name in values]
            if known:
                found.setdefault(name, {})[metric.base] = statistics.median(known)
    return found


def _named_references(
    records: Sequence[RunRecord], metrics: Sequence[Quantity]
) -> dict[str, dict[str, float]]:
    return {f"({REFERENCES[k]})": found for k, found in _references(records, metrics).items()}


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns; where a terminal is too narrow for them, a line for each cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sys.stdout.isatty() and sum(widths) + 2 * len(widths) > shutil.get_terminal_size().columns:
        head, *body = rows
        return "\n".join(
            line
            for first, *cells in body
            for line in (
                first,
                *(f"  {name}: {cell}" for name, cell in zip(head[1:], cells, strict=True) if cell),
            )
        )
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in rows
    )
