"""Data in the plane: how many modes each method covers, and the critics' landscapes."""

from pathlib import Path

from gan_zoo.experiments.sweep_results import all_runs, finished_runs, table
from gan_zoo.runs.record import artifact_path, write_bytes, write_rows
from gan_zoo.training.pictures import side_by_side

GOOD = 0.9  # share of points within 3 standard deviations that counts as success; perfect: 0.9889
PREFIXES = ("modes_covered_", "high_quality_", "reverse_kl_modes_")


def summarise(folder: Path) -> str:
    """Return a table of all runs below ``folder``, finished or not; also written as modes.csv.

    modes.png shows the landscapes of the finished ones side by side.

    Raises:
        ValueError: there is no run.
    """
    runs = all_runs(folder)
    if not runs:
        raise ValueError(f"{folder} has no run: check the sweep's overrides")
    rows: list[dict[str, object]] = []
    pictures: dict[str, bytes] = {}
    reached: list[str] = []
    for path, record in runs:
        found = [
            next((value for name, value in record.metrics.items() if name.startswith(prefix)), None)
            for prefix in PREFIXES
        ]
        row: dict[str, object] = {"loss": record.loss, "seed": record.seed, "status": record.status}
        for prefix, value in zip(PREFIXES, found, strict=True):
            row[prefix.strip("_")] = "-" if value is None else value
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


def landscapes(folder: Path) -> str:
    """Write landscapes.png with a panel for each finished run below ``folder``; return its path.

    Raises:
        ValueError: there is no finished run.
    """
    pictures = {
        f"{record.loss}, seed {record.seed}": artifact_path(path, record, "landscape").read_bytes()
        for path, record in finished_runs(folder)
    }
    target = folder / "landscapes.png"
    write_bytes(target, side_by_side(pictures))
    return f"Points and critics' scores over the plane: {target}"
