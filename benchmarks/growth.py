"""(f): how costs grow with batch, width, image size, data set and number of runs."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from benchmarks.runs import copies_of, small_run
from benchmarks.step import fp32
from benchmarks.subjects import trainer, trainer_on
from benchmarks.timing import Section, interleaved, seconds_of, spread, table
from gan_zoo.report.build import build_report
from gan_zoo.types import Dataset, Split

ROUNDS = 8


def growth() -> list[Section]:
    """One section for each thing that grows."""
    batches = (25, 50, 100, 200, 400)
    widths = (0.0625, 0.125, 0.25, 0.5)
    sides, sizes = (28, 40, 52, 64), (6_000, 60_000, 600_000)
    return [
        grown("batch", [(f"{n}", n, partial(batch_of, n)) for n in batches]),
        grown("width", [(f"{w}", w * w, partial(width_of, w)) for w in widths], "width²"),
        grown("image side", [(f"{s}", s * s, partial(images_of, s, 1000)) for s in sides], "side²"),
        grown("training images", [(f"{n:,}", n, partial(images_of, 28, n)) for n in sizes]),
    ]


def batch_of(count: int) -> Callable[[], object]:
    """Both networks' batches."""
    sizes = [f"trainer.batch_size={count}", f"trainer.generator_batch_size={count}"]
    return trainer(*fp32(), *sizes).step


def width_of(width: float) -> Callable[[], object]:
    """Both networks' width."""
    sizes = [f"model.generator.width={width}", f"model.discriminator.width={width}"]
    return trainer(*fp32(), *sizes).step


def images_of(side: int, count: int) -> Callable[[], object]:
    """So many random square images."""

    def split(size: int) -> Split:
        images = torch.randint(0, 256, (size, 1, side, side), dtype=torch.uint8)
        return Split(images, torch.arange(size) % 10)

    dataset = Dataset("random", 10, split(count), split(100), split(100))
    return trainer_on(dataset, *fp32()).step


def grown(
    name: str,
    points: list[tuple[str, float, Callable[[], Callable[[], object]]]],
    grows_as: str | None = None,
) -> Section:
    """An iteration's seconds at each point, and what a unit of the thing costs."""
    steps = {label: make() for label, _, make in points}
    found = interleaved(
        {label: lambda step=step: seconds_of(step) for label, step in steps.items()}, ROUNDS
    )
    first = min(found[points[0][0]])
    rows = [
        [label, spread(found[label], 1000, 0), f"{min(found[label]) / first:.2f}",
         f"{size / points[0][1]:.2f}"]
        for label, size, _ in points
    ]  # fmt: skip
    header = [name, "ms an iteration", "times the first (best)", f"{grows_as or name}, times"]
    text = "The default model but for what is named."
    return Section(f"(f) Growth with {name}", text, table(header, rows))


def reports() -> list[Section]:
    """Copies of one short run under different names, 8 to 800."""
    rows = []
    for count in (8, 80, 800):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            copies_of(small_run(root / "run"), root / "sweep", count)
            seconds = seconds_of(lambda root=root: build_report([root / "sweep"]))
        rows.append([f"{count}", f"{seconds:.1f}", f"{seconds / count * 1000:.0f}"])
    header = ["runs", "seconds", "ms a run"]
    title = "(f) Growth of a report with runs"
    return [Section(title, "Built once each.", table(header, rows))]
