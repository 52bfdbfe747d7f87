"""Ring and grid: how many modes each method covers, and how well."""

from pathlib import Path

from gan_zoo.experiments.tables import table
from gan_zoo.runs.record import RECORD_NAME, artifact_path, read_record, write_bytes, write_rows
from gan_zoo.training.pictures import side_by_side

GOOD = 0.9  # share of points within 3 standard deviations that counts as success; perfect: 0.9889
MARKS = ("modes_covered_", "high_quality_", "reverse_kl_modes_")


def summarise(folder: Path) -> str:
    """Table of all runs below ``folder``, those that diverged or failed too; written as modes.csv.

    modes.png shows the landscapes of the finished ones side by side.

    Raises:
        ValueError: there is no run.
    """
    paths = [path.parent for path in folder.glob(f"**/{RECORD_NAME}")]
    runs = sorted(((read_record(path), path) for path in paths), key=lambda run: run[0].started)
    if not runs:
        raise ValueError(f"{folder} holds no run: check the sweep's overrides")
    rows: list[dict[str, object]] = []
    pictures: dict[str, bytes] = {}
    reached: list[str] = []
    for record, path in runs:
        found = [
            next((value for name, value in record.metrics.items() if name.startswith(mark)), None)
            for mark in MARKS
        ]
        row: dict[str, object] = {"loss": record.loss, "seed": record.seed, "status": record.status}
        for mark, value in zip(MARKS, found, strict=True):
            row[mark.strip("_")] = "-" if value is None else value
        covered, good, _ = found
        if covered == record.dataset.get("num_classes") and good is not None and good >= GOOD:
            reached.append(record.loss)
        if "landscape" in record.artifacts:
            share = "" if good is None else f", {good:.1%}"
            title = f"{record.loss}, seed {record.seed}: {row['modes_covered']} modes{share}"
            pictures[title] = artifact_path(path, record, "landscape").read_bytes()
        rows.append({**row, "seconds": float(record.progress.get("seconds", 0.0))})
    write_rows(folder / "modes.csv", rows)
    if pictures:
        write_bytes(folder / "modes.png", side_by_side(pictures))
    return "\n".join([
        "Modes covered, and the share of points within 3 standard deviations:",
        table(rows),
        f"All modes with a share of at least {GOOD}: {len(reached)} of {len(rows)} runs"
        f" ({', '.join(reached) or 'none'}).",
    ])  # fmt: skip
