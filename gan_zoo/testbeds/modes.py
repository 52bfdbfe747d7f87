"""Ring and grid: how many modes each method covers, and how well."""

from pathlib import Path

from gan_zoo.records import RECORD_NAME, read_record, write_rows
from gan_zoo.testbeds.tables import table

MARKS = ("modes_covered_", "high_quality_", "reverse_kl_modes_")


def summarise(folder: Path) -> str:
    """Table of all runs below ``folder``, those that diverged or failed too; written as modes.csv.

    Raises:
        ValueError: there is no run.
    """
    records = [read_record(path.parent) for path in folder.glob(f"**/{RECORD_NAME}")]
    if not records:
        raise ValueError(f"{folder} holds no run: check the sweep's overrides")
    rows: list[dict[str, object]] = []
    for record in sorted(records, key=lambda record: record.started):
        row: dict[str, object] = {"loss": record.loss, "seed": record.seed, "status": record.status}
        for mark in MARKS:
            values = [v for name, v in record.metrics.items() if name.startswith(mark)]
            row[mark.strip("_")] = values[0] if values else "-"
        rows.append({**row, "seconds": float(record.progress.get("seconds", 0.0))})
    write_rows(folder / "modes.csv", rows)
    return f"Modes covered, and the share of points within 3 standard deviations:\n{table(rows)}"
