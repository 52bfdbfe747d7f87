"""Stages 3 and 4 of the study: how a loss fares over random settings, and under bad ones."""

import math
from dataclasses import dataclass

import numpy as np

from gan_zoo.experiments.study import Data
from gan_zoo.experiments.study_results import Stage, enough, median
from gan_zoo.experiments.study_words import NOTHING, Study, figure, table, too_few
from gan_zoo.report.comparison import Variant
from gan_zoo.report.formatting import short


@dataclass(frozen=True)
class Sensitivity:
    """How a loss fares over random settings of its hyper-parameters."""

    loss: str
    settings: int
    lost: int  # that did not finish with a value
    best: float | None
    quartiles: tuple[float, float, float]  # of FID over all settings, lost ones the worst
    winner: Variant | None  # the chosen setting with fresh seeds


def sensitivity(search: Stage, chosen: Stage | None) -> list[Sensitivity]:
    """Return each loss's distribution over settings, the smallest median first."""
    groups: dict[str, list[Variant]] = {}
    for variant in search.variants:
        groups.setdefault(variant.runs[0].record.loss, []).append(variant)
    rows = []
    for loss, settings in groups.items():
        values = [value for v in settings if (value := median(v, search.primary)) is not None]
        padded = [*values, *[math.inf] * (len(settings) - len(values))]
        quartiles = np.quantile(padded, [0.25, 0.5, 0.75], method="inverted_cdf").tolist()
        winner = [
            v for v in (chosen.variants if chosen else ())
            if v.runs[0].record.loss == loss and enough(v)
        ]  # fmt: skip
        rows.append(
            Sensitivity(
                loss=loss,
                settings=len(settings),
                lost=len(settings) - len(values),
                best=min(values, default=None),
                quartiles=(quartiles[0], quartiles[1], quartiles[2]),
                winner=winner[0] if winner else None,
            )
        )
    return sorted(rows, key=lambda row: (row.quartiles[1], row.loss))


def stress_label(setting: str, rates: float | None) -> str:
    """Return a setting of the stress test in words.

    Args:
        setting: the overrides of a run.
        rates: learning rate of G as a multiple of the loss's own, if that is known.

    >>> stress_label("optimizer.discriminator.lr=0.0002 optimizer.generator.lr=0.0004", 0.2)
    'rates × 0.2'
    >>> stress_label("data=mnist_few data.train=500 evaluation.every=111", None)
    '500 images'
    """
    words = dict(word.partition("=")[::2] for word in setting.split())
    if "data.train" in words:
        return f"{int(words['data.train']):,} images"
    if "model.generator.norm" in words:
        return "no batch norm in G"
    if "trainer.n_critic" in words:
        return f"n_critic {words['trainer.n_critic']}"
    if "optimizer.discriminator.betas.0" in words:
        return f"β₁ {words['optimizer.discriminator.betas.0']}"
    return setting if rates is None else f"rates × {rates:.3g}"


@dataclass(frozen=True)
class Stressed:
    """A loss under one bad setting."""

    loss: str
    label: str
    runs: int
    lost: int  # diverged or failed
    fid: float | None  # median over runs that ended, diverged ones the worst


def stressed(data: Data, found: Stage) -> list[Stressed]:
    """Return every loss under every bad setting."""
    own = _rates(data, "mnist")
    used = _rates(data, found.name)
    rows = []
    for variant in found.variants:
        record = variant.runs[0].record
        mine, usual = used.get(record.run_id), own.get(record.loss)
        factor = mine / usual if mine is not None and usual is not None else None
        setting = " ".join(record.overrides)
        lost = sum(count for status, count in variant.counts.items() if status != "finished")
        label = stress_label(setting, factor)
        rows.append(
            Stressed(record.loss, label, len(variant.runs), lost, median(variant, found.primary))
        )
    return rows


def _rates(data: Data, stage: str) -> dict[str, float]:
    """G's learning rate by run, and in the stage of the defaults by loss."""
    table = data.configurations
    rows = table[(table["stage"] == stage) & (table["key"] == "optimizer.generator.lr")]
    rates = {run_id: float(v) for run_id, v in zip(rows["run_id"], rows["json"], strict=True)}
    if stage != "mnist":
        return rates
    runs = data.runs[data.runs["stage"] == stage]
    losses = dict(zip(runs["run_id"], runs["loss"], strict=True))
    return {losses[run_id]: rate for run_id, rate in rates.items()}


def search_section(study: Study, drawn: set[str]) -> str:
    """Return the page's section of stage 3."""
    search = study.stages.get("search")
    if search is None:
        return NOTHING
    rows = []
    main = study.stages.get("mnist")
    winners = study.stages.get("winners")
    for row in sensitivity(search, winners):
        default = main.variant(row.loss) if main else None
        low, middle, high = row.quartiles
        fresh = row.winner and winners and median(row.winner, winners.primary)
        rows.append([
            f"`{row.loss}`", f"{row.settings}", f"{row.lost}", short(row.best, 3), short(low, 3),
            short(middle, 3), short(high, 3), short(fresh, 3) if fresh else "–",
            short(median(default, main.primary), 3) if default and main else "–",
        ])  # fmt: skip
    head = ["loss", "settings", "lost", "best", "quarter", "median", "three quarters",
            "chosen, fresh seeds", "default, stage 1"]  # fmt: skip
    note = too_few(winners) if winners else ""
    parts = [
        "Test FID over random settings, one seed each; lost settings count as the worst. The best"
        " of so many is optimistic; the chosen setting's median over fresh seeds is not.",
        table(head, rows),
        f"Of the chosen settings: {note}" if note else "",
        figure("search", "budgets", drawn, "Expected FID of the best of k settings"),
        figure("search", "settings", drawn, "FID of every setting"),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part)


def stress_section(study: Study) -> str:
    """Return the page's section of stage 4."""
    stress = study.stages.get("stress")
    if stress is None:
        return NOTHING
    found = stressed(study.data, stress)
    labels = list(dict.fromkeys(row.label for row in sorted(found, key=lambda row: row.label)))
    cells = {(row.loss, row.label): row for row in found}
    main = study.stages.get("mnist")
    rows = []
    for loss in sorted({row.loss for row in found}):
        usual = main.variant(loss) if main else None
        line = [f"`{loss}`", short(median(usual, main.primary), 3) if usual and main else "–"]
        for label in labels:
            row = cells.get((loss, label))
            lost = f" ({row.lost} of {row.runs} lost)" if row and row.lost else ""
            line.append("–" if row is None else f"{short(row.fid, 3)}{lost}")
        rows.append(line)
    note = (
        "Median test FID; a dash: the setting does not apply to the loss, was not run, or more than"
        " half of its runs diverged. Three seeds describe; nothing is tested here."
    )
    return "\n\n".join([note, table(["loss", "default, stage 1", *labels], rows)])
