"""Tables as files."""

import pandas as pd

from gan_zoo.records import STATUSES
from gan_zoo.report.comparison import Comparison

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


def to_csv(table: pd.DataFrame) -> str:
    """CSV with all digits and empty cells for what is missing."""
    return table.to_csv(index=False, lineterminator="\n")
