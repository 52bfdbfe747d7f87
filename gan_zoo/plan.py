"""What a sweep is to do, written before it begins: ``plan.json`` in its folder."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gan_zoo.records import RunRecord, write_text

PLAN_NAME = "plan.json"
# Overrides that a record does not repeat: it has fields for them, or they are of no consequence.
HIDDEN = (
    "loss=", "seed=", "device=", "resume=", "sweep_name=", "tracker=", "tracker.", "hydra.",
    "hydra/",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A run to be: as its record will name it."""

    loss: str
    seed: int
    overrides: tuple[str, ...]  # sorted; but loss, seed, device and paths


def job_of(record: RunRecord) -> Job:
    """The job that a record is of."""
    return Job(record.loss, record.seed, tuple(sorted(record.overrides)))


def planned(words: Sequence[str], loss: str, seed: int) -> Job:
    """The job that a run's overrides make, where ``loss`` and ``seed`` are what they do not say."""
    chosen = {"loss": loss, "seed": str(seed), **dict(word.split("=", 1) for word in words)}
    return Job(chosen["loss"], int(chosen["seed"]), recorded(words))


def recorded(words: Sequence[str]) -> tuple[str, ...]:
    """The overrides that a record repeats, sorted."""
    return tuple(sorted(word for word in words if not word.startswith(HIDDEN)))


def write_plan(folder: Path, jobs: Iterable[Job]) -> None:
    """Add jobs to a sweep's plan; what earlier commands planned stays."""
    known = dict.fromkeys([*read_plan(folder), *jobs])
    content = {"schema_version": 1, "jobs": [asdict(job) for job in known]}
    write_text(folder / PLAN_NAME, json.dumps(content, indent=1) + "\n")


def read_plan(folder: Path) -> list[Job]:
    """The jobs of a sweep; none if there is no plan, or none that can be read."""
    try:
        content = json.loads((folder / PLAN_NAME).read_text(encoding="utf-8"))
        return [
            Job(str(job["loss"]), int(job["seed"]), tuple(map(str, job["overrides"])))
            for job in content["jobs"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []
