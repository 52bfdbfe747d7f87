"""The plan of a sweep, written before it starts: ``plan.json`` in its folder."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gan_zoo.runs.record import write_text
from gan_zoo.runs.resume import COSMETIC

PLAN_NAME = "plan.json"
# Overrides that a record leaves out: it has fields for them, or they change no number.
HIDDEN = (
    "loss=", "seed=", "hydra.", "hydra/", *(f"{key}{end}" for key in COSMETIC for end in "=."),
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A planned run, as its composed configuration describes it."""

    folder: str  # of the run, relative to the sweep's
    loss: str
    seed: int
    overrides: tuple[str, ...]  # as in its record


def recorded(words: Sequence[str]) -> tuple[str, ...]:
    """Return the overrides that a record repeats, sorted.

    >>> recorded(["trainer.n_critic=2", "++seed=1", "loss=wgan", "evaluation.motion=True"])
    ('trainer.n_critic=2',)
    """
    return tuple(sorted(word for word in words if not word.lstrip("+~").startswith(HIDDEN)))


def write_plan(folder: Path, jobs: Iterable[Job]) -> None:
    """Add jobs to a sweep's plan, and keep those of earlier commands."""
    known = {job.folder: job for job in [*read_plan(folder), *jobs]}
    content = {"schema_version": 2, "jobs": [asdict(job) for job in known.values()]}
    write_text(folder / PLAN_NAME, json.dumps(content, indent=1) + "\n")


def read_plan(folder: Path) -> list[Job]:
    """Return the jobs of a sweep; none if its plan is missing or cannot be read."""
    try:
        content = json.loads((folder / PLAN_NAME).read_text(encoding="utf-8"))
        return [
            Job(str(job["folder"]), str(job["loss"]), int(job["seed"]),
                tuple(map(str, job["overrides"])))
            for job in content["jobs"]
        ]  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return []
