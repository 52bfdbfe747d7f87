"""What safety costs: a state after each epoch, and the looks at the weights, in training time.

``python -m benchmarks.checkpoint [model=infogan|acgan] [rounds=N]``.  Times, in one process, a
training step, the writing of a whole state (with its flush to the disk) and a look at all weights,
and prints the share of an epoch's training time that one state and its looks take.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.subjects import MODELS, trainer
from gan_zoo.cli.options import parse
from gan_zoo.training.checkpoint import NEWEST, save_state
from gan_zoo.training.loop import COLLECT_EVERY
from gan_zoo.training.process import keep_freed_memory


@dataclass
class Options:
    """Options of the command line."""

    model: str = "infogan"
    rounds: int = 15

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"model is {self.model!r}; allowed: {', '.join(MODELS)}")
        if self.rounds < 1:
            raise ValueError(f"rounds is {self.rounds}; allowed: 1 or more")


def measure(options: Options) -> str:
    """Return a line with the times and the share."""
    keep_freed_memory()
    made = trainer(*MODELS[options.model])
    steps = made.discriminator_batches.batches_per_epoch
    for _ in range(3):
        made.step()
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)

        def save() -> None:
            save_state(folder, {"trainer": made.state_dict()})

        works: tuple[Callable[[], None], ...] = (made.step, save, made.check_weights)
        times: list[list[float]] = [[], [], []]
        for _ in range(options.rounds):
            for work, found in zip(works, times, strict=True):
                began = time.perf_counter()
                work()
                found.append(time.perf_counter() - began)
        size = (folder / "checkpoints" / NEWEST).stat().st_size
    step, state, look = (statistics.median(found) for found in times)
    cost, epoch = state + look * steps / COLLECT_EVERY, step * steps
    return (
        f"{options.model}: step {step * 1e3:.0f} ms, state {state * 1e3:.0f} ms ({size / 1e6:.1f}"
        f" MB), look {look * 1e3:.2f} ms: {100 * cost / epoch:.2f} % of an epoch of {steps} steps"
    )


def main() -> None:
    """Parse the words, measure, print."""
    try:
        print(measure(parse(sys.argv[1:], Options)))
    except ValueError as error:
        sys.exit(f"gan_zoo: {error}")


if __name__ == "__main__":
    main()
