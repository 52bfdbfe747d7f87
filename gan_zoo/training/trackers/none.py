"""No tracker: what a run leaves is in its folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gan_zoo.runs.record import RunRecord


@dataclass(frozen=True)
class Untracked:
    """Shows nothing anywhere."""

    def begin(self, folder: Path, record: RunRecord) -> None:
        """Nothing."""

    def log(self, epoch: int, values: Mapping[str, float], pictures: Mapping[str, Path]) -> None:
        """Nothing."""

    def end(self, record: RunRecord, pictures: Mapping[str, Path]) -> None:
        """Nothing."""
