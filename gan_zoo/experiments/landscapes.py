"""The critics' landscapes of a sweep over data in the plane, side by side."""

from pathlib import Path

from gan_zoo.experiments.runs import finished_runs
from gan_zoo.runs.record import artifact_path, write_bytes
from gan_zoo.training.pictures import side_by_side


def summarise(folder: Path) -> str:
    """Write landscapes.png, a panel for each finished run below ``folder``; say where it is.

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
