"""Tables as files for programs: CSV with all digits."""

from collections.abc import Mapping

import pandas as pd

from gan_zoo.report.comparison import Comparison
from gan_zoo.runs.record import STATUSES, RunRecord

COST = ("generator_updates", "discriminator_updates", "images_seen", "seconds")


def summary(comparison: Comparison) -> pd.DataFrame:
    """One row per variant: seeds, how runs ended, each metric's statistics, mean cost."""
    rows = []
    for variant in comparison.variants:
        row: dict[str, object] = {"variant": variant.name, "runs": len(variant.runs)}
        row["seeds"] = " ".join(str(run.record.seed) for run in variant.runs)
        row |= {status: variant.counts.get(status, 0) for status in STATUSES}
        for metric in comparison.metrics:
            found = comparison.estimates.get((variant.name, metric.name))
            interval = found.interval if found else None
            row[f"{metric.name}_n"] = found.n if found else 0
            row[f"{metric.name}_mean"] = found.mean if found else None
            row[f"{metric.name}_median"] = found.median if found else None
            row[f"{metric.name}_iqm"] = found.iqm if found else None
            row[f"{metric.name}_t95_low"] = interval.low if interval else None
            row[f"{metric.name}_t95_high"] = interval.high if interval else None
        row |= {name: variant.progress(name) for name in COST}
        rows.append(row)
    return pd.DataFrame(rows)


def runs(comparison: Comparison) -> pd.DataFrame:
    """Long format: one row per run and final metric, cost or size of network."""
    rows = []
    for variant in comparison.variants:
        for run in variant.runs:
            record = run.record
            known = {"variant": variant.name, "loss": record.loss, "seed": record.seed}
            known |= {"status": record.status, "run": run.label, "run_id": record.run_id}
            kinds: dict[str, Mapping[str, float | None]] = {
                "metric": record.metrics,
                "progress": record.progress,
                "parameters": record.parameters,
            }
            rows += [
                {**known, "kind": kind, "quantity": name, "value": value, **_within(record, name)}
                for kind, values in kinds.items()
                for name, value in values.items()
            ]
    columns = [
        "variant", "loss", "seed", "status", "run", "run_id", "kind", "quantity", "value",
        "sampling_low", "sampling_high",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _within(record: RunRecord, metric: str) -> dict[str, float]:
    """The 95% interval over samples of one run's metric, if it was recorded."""
    names = ("sampling_low", "sampling_high")
    return dict(zip(names, record.intervals.get(metric, ()), strict=False))


def references(comparison: Comparison) -> pd.DataFrame:
    """One row per metric and reference: what real data and weak samplers reach."""
    rows = [
        {"metric": metric, "reference": entry.name, "value": entry.value}
        for metric, entries in comparison.references.items()
        for entry in entries
    ]
    return pd.DataFrame(rows, columns=["metric", "reference", "value"])


def comparisons(comparison: Comparison) -> pd.DataFrame:
    """One row per metric and pair of variants."""
    rows = []
    for metric, pairs in comparison.pairs.items():
        for pair in pairs:
            shift, within, paired = pair.shift_interval, pair.interval, pair.paired_interval
            rows.append(
                {
                    "metric": metric,
                    "first": comparison.variants[pair.first].name,
                    "second": comparison.variants[pair.second].name,
                    "n_first": pair.n,
                    "n_second": pair.m,
                    "probability_of_improvement": pair.theta,
                    "probability_low": within.low if within else None,
                    "probability_high": within.high if within else None,
                    "p_mann_whitney": pair.p,
                    "p_holm": pair.p_holm,
                    "hodges_lehmann": pair.shift,
                    "hodges_lehmann_low": shift.low if shift else None,
                    "hodges_lehmann_high": shift.high if shift else None,
                    "hedges_g": pair.effect,
                    "shared_seeds": pair.shared,
                    "wins_on_shared_seeds": pair.wins,
                    "mean_paired_difference": pair.paired_shift,
                    "paired_t95_low": paired.low if paired else None,
                    "paired_t95_high": paired.high if paired else None,
                    "p_sign_flip": pair.p_paired,
                }
            )
    return pd.DataFrame(rows)


def to_csv(table: pd.DataFrame) -> str:
    """CSV with all digits and empty cells for what is missing."""
    return table.to_csv(index=False, lineterminator="\n")
