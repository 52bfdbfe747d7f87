"""Seeds as a batch dimension against single runs: time of an update of D and one of G."""

from collections.abc import Callable
from dataclasses import replace

import torch

from benchmarks.subjects import parts
from benchmarks.timing import Section, interleaved, ratios, seconds_of, spread, table
from gan_zoo.training.batched import BatchedTrainer
from gan_zoo.training.build import build_trainer
from gan_zoo.training.trainer import Trainer

SEEDS, ROUNDS = 50, 7
RING = ("experiment=ring8", "hydra.mode=RUN", "data.samples=6000")
SUBJECTS = {
    "2 x 128 units, batches of 128 (`ring8`)": RING,
    "2 x 32 units, batches of 64": (
        *RING, "model.generator.hidden=[32,32]", "model.discriminator.hidden=[32,32]",
        "trainer.batch_size=64", "trainer.generator_batch_size=64",
    ),
}  # fmt: skip


def batched() -> list[Section]:
    """Compare one run on one thread with 50 seeds as a batch on one thread and on two."""
    rows = []
    for name, words in SUBJECTS.items():
        whole = parts(*words, "loss=bce")
        single = build_trainer(whole)
        batch = BatchedTrainer([build_trainer(replace(whole, seed=seed)) for seed in range(SEEDS)])
        times = interleaved(
            {
                "single": _steps(single, 20, 1),
                "one": _steps(batch, 4, 1),
                "two": _steps(batch, 4, 2),
            },
            ROUNDS,
        )
        each = {"single": 1 / 20, "one": 1 / 4 / SEEDS, "two": 1 / 4 / SEEDS}
        per_seed = {way: [t * each[way] for t in found] for way, found in times.items()}
        rows.append(
            [
                name,
                spread(per_seed["single"], 1000),
                *(spread(per_seed[way], 1000) for way in ("one", "two")),
                *(
                    spread(ratios(per_seed["single"], per_seed[way]), 1, 1)
                    for way in ("one", "two")
                ),
            ]
        )
    head = ["networks", "one run, ms", f"{SEEDS} seeds, 1 thread, ms a seed", "2 threads",
            "times as fast, 1 thread", "2 threads"]  # fmt: skip
    text = (
        "Milliseconds of an update of D and one of G, `loss=bce`: a single run on one thread, and"
        f" {SEEDS} seeds as a batch (`hydra/launcher=batched`); median (smallest–largest) of"
        f" {ROUNDS} rounds."
    )
    return [Section("Seeds as a batch", text, table(head, rows))]


def _steps(trainer: Trainer, count: int, threads: int) -> Callable[[], float]:
    def work() -> None:
        for _ in range(count):
            trainer.step()

    def timed() -> float:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            return seconds_of(work)
        finally:
            torch.set_num_threads(before)

    return timed
