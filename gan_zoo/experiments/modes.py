"""Data in the plane: how many modes each method covers, and the critics' landscapes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from gan_zoo.evaluation.metrics.intervals import share_interval
from gan_zoo.experiments.sweep_results import all_runs, finished_runs
from gan_zoo.report.formatting import table
from gan_zoo.report.statistics import t_interval
from gan_zoo.runs.record import RunRecord, artifact_path, write_bytes, write_rows
from gan_zoo.training.pictures import side_by_side

GOOD = 0.9  # share of points within 3 standard deviations that counts as success; perfect: 0.9889
PREFIXES = ("modes_covered_", "high_quality_", "reverse_kl_modes_")


def summarise(folder: Path) -> str:
    """Return a table of all runs in a folder, with those that diverged or failed.

    It is also written to modes.csv, and the landscapes of the finished runs, one per loss, to
    modes.png. With several seeds a second table, modes_by_loss.csv, summarises each loss.

    Raises:
        ValueError: there is no run.
    """
    runs = all_runs(folder)
    if not runs:
        raise ValueError(f"{folder} has no run: check the sweep's overrides")
    rows: list[dict[str, object]] = []
    pictures: dict[str, bytes] = {}
    reached: list[str] = []
    drawn: set[str] = set()
    for path, record in runs:
        found = [_metric(record, prefix) for prefix in PREFIXES]
        row: dict[str, object] = {"loss": record.loss, "seed": record.seed, "status": record.status}
        for prefix, value in zip(PREFIXES, found, strict=True):
            row[prefix.strip("_")] = "-" if value is None else value
        covered, good, _ = found
        if covered == record.dataset.get("num_classes") and good is not None and good >= GOOD:
            reached.append(record.loss)
        if "landscape" in record.artifacts and record.loss not in drawn:
            drawn.add(record.loss)
            share = "" if good is None else f", {good:.1%}"
            title = f"{record.loss}, seed {record.seed}: {row['modes_covered']} modes{share}"
            pictures[title] = artifact_path(path, record, "landscape").read_bytes()
        rows.append({**row, "seconds": float(record.progress.get("seconds", 0.0))})
    write_rows(folder / "modes.csv", rows)
    if pictures:
        write_bytes(folder / "modes.png", side_by_side(pictures))
    lines = [
        "Modes covered, and the share of points within 3 standard deviations:",
        table(_headed(rows)),
        f"All modes with a share of at least {GOOD}: {len(reached)} of {len(rows)} runs"
        f" ({', '.join(dict.fromkeys(reached)) or 'none'}).",
    ]
    records = [record for _, record in runs]
    if len({record.seed for record in records}) > 1:
        summary = by_loss(records)
        write_rows(folder / "modes_by_loss.csv", summary)
        lines += ["Over seeds, with 95% intervals:", table(_headed(summary))]
    return "\n".join(lines)


def _headed(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Return the rows of a file with their columns in words."""
    return [{key.replace("_", " "): value for key, value in row.items()} for row in rows]


def by_loss(records: Sequence[RunRecord]) -> list[dict[str, object]]:
    """Return, for each loss, how many runs cover all modes, and the mean high-quality share.

    The number of runs has a Clopper-Pearson interval; a run that diverged counts as a miss. The
    mean is over finished runs and has Student's interval.
    """
    rows: list[dict[str, object]] = []
    for loss in dict.fromkeys(record.loss for record in records):
        ended = [r for r in records if r.loss == loss and r.status in ("finished", "diverged")]
        if not ended:
            continue
        finished = [record for record in ended if record.status == "finished"]
        all_modes = sum(
            _metric(record, PREFIXES[0]) == record.dataset.get("num_classes") for record in finished
        )
        low, high = share_interval(all_modes / len(ended), len(ended))
        found = [_metric(record, PREFIXES[1]) for record in finished]
        quality = [value for value in found if value is not None]
        interval = t_interval(quality, 0, 1) if len(quality) > 1 else None
        mean = f"{sum(quality) / len(quality):.3f}" if quality else "-"
        rows.append(
            {
                "loss": loss,
                "runs": len(ended),
                "all modes": f"{all_modes} ({low:.0%} to {high:.0%})",
                "high quality": mean
                + (f" ({interval.low:.3f} to {interval.high:.3f})" if interval else ""),
            }
        )
    return rows


def _metric(record: RunRecord, start: str) -> float | None:
    return next((v for name, v in record.metrics.items() if name.startswith(start)), None)


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
