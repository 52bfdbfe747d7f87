"""Published numbers beside those measured here: ``gan_zoo/experiments/<name>.yaml``.

Such a file belongs to ``experiment=<name>``; the runs of that experiment are compared with it:

- ``title``, ``source``, ``note``: what the table shows, where it is from, how the settings differ;
- ``setting``: dotted keys of the configuration and the values that the published runs had; runs
  with other values are shown, but their agreement is not judged;
- ``quantities``: by name a ``title`` and ``metric``, the beginning of a metric's name in the
  record. With ``equals`` it is the share of runs whose metric has that value, otherwise the mean
  over runs. ``matters``: the smallest difference that matters. ``ranks: true``: only the order can
  be compared;
- ``rows``: which runs belong to each (``runs``: ``loss`` and dotted keys), and ``published``: by
  quantity ``value``, ``n`` (runs), ``spread`` (standard deviation over runs, of means) and
  ``where``, the place in the source.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from scipy import stats

from gan_zoo.evaluation.metrics.intervals import share_interval
from gan_zoo.report.formatting import table
from gan_zoo.report.statistics import t_interval
from gan_zoo.runs.record import RECORD_NAME, RunRecord, read_record, write_rows

LIMIT = 2.0  # standard errors beyond which numbers differ


@dataclass(frozen=True)
class Line:
    """A published number and the one measured here, formatted."""

    setting: str
    quantity: str
    published: str
    where: str  # in the source
    here: str
    difference: str  # here minus published, in standard errors of that difference
    agrees: str  # yes | no | cannot tell | not measured | –


@dataclass(frozen=True)
class Published:
    """The table of one experiment."""

    name: str
    title: str
    source: str
    note: str
    lines: tuple[Line, ...]
    remarks: tuple[str, ...]


def published(records: Sequence[RunRecord]) -> list[Published]:
    """Return the tables of all experiments among the runs that have published numbers."""
    found = []
    for name in dict.fromkeys(experiment for r in records if (experiment := experiment_of(r))):
        path = files("gan_zoo.experiments") / f"{name}.yaml"
        if path.is_file():
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            found.append(compare(name, content, [r for r in records if experiment_of(r) == name]))
    return found


def experiment_of(record: RunRecord) -> str | None:
    """Return the experiment that a run's command line selected, if any.

    >>> experiment_of(RunRecord("", "bce", 0, "finished", overrides=["experiment=ring8"]))
    'ring8'
    """
    words = (str(word).lstrip("+").partition("=") for word in record.overrides)
    return next((value for key, _, value in words if key == "experiment" and value.isidentifier()),
                None)  # fmt: skip


def summarise(folder: Path) -> str:
    """Return the tables of a sweep as text, and write them to ``published.csv``.

    Raises:
        ValueError: no run belongs to an experiment with published numbers.
    """
    tables = published([read_record(path.parent) for path in folder.glob(f"**/{RECORD_NAME}")])
    if not tables:
        raise ValueError(
            f"{folder} has no runs of an experiment with published numbers: train with"
            " experiment=NAME, where gan_zoo/experiments/NAME.yaml exists"
        )
    rows = [{"experiment": t.name, **vars(line)} for t in tables for line in t.lines]
    write_rows(folder / "published.csv", rows)
    return "\n\n".join(as_text(found) for found in tables)


def as_text(found: Published) -> str:
    """Return one table as text."""
    rows = [
        {"setting": line.setting, "quantity": line.quantity, "published": line.published,
         "here": line.here, "difference (SE)": line.difference, "agrees?": line.agrees}
        for line in found.lines
    ]  # fmt: skip
    return "\n".join([found.title, f"Source: {found.source}", found.note, table(rows),
                      *found.remarks])  # fmt: skip


def compare(name: str, content: Mapping[str, Any], records: Sequence[RunRecord]) -> Published:
    """Compare runs with one published table.

    Args:
        name: of the experiment.
        content: of its file, see above.
        records: of its runs; those that neither finished nor diverged are left out.
    """
    ended = [record for record in records if record.status in ("finished", "diverged")]
    lines: list[Line] = []
    ranked: dict[str, list[tuple[float, float]]] = {}
    remarks = [
        f"Agrees: yes if the numbers are at most {LIMIT:g} standard errors apart, given enough runs"
        " to see a difference that matters; with too few runs, cannot tell."
    ]
    deviations: set[str] = set()
    for row in content["rows"]:
        runs = [record for record in ended if _matches(record, row["runs"])]
        of_row = {d for run in runs for d in _deviations(run, content.get("setting", {}))}
        deviations |= of_row
        for key, given in row["published"].items():
            quantity = content["quantities"][key]
            values = [_value(run, quantity) for run in runs]
            if "equals" in quantity:
                shown, here, difference, agrees = _compare_share(quantity, given, values)
            else:
                known = [value for value in values if value is not None]
                shown, here, difference, agrees = _compare_mean(quantity, given, known)
                if quantity.get("ranks") and known:
                    ranked.setdefault(key, []).append((given["value"], sum(known) / len(known)))
            if of_row and difference != "–":
                agrees = "–"
            where = str(given.get("where", ""))
            lines.append(
                Line(row["name"], quantity["title"], shown, where, here, difference, agrees)
            )
    for key, pairs in ranked.items():
        if len(pairs) > 2:
            tau, p = stats.kendalltau(*zip(*pairs, strict=True))
            remarks.append(
                f"{content['quantities'][key]['title']}: only ranks can be compared; Kendall's tau"
                f" of {len(pairs)} ranks is {tau:.2f} (p = {p:.2g})."
            )
    if deviations:
        remarks.append("Not the published setting: " + "; ".join(sorted(deviations)) + ".")
    return Published(
        name, content["title"], content["source"], content["note"], tuple(lines), tuple(remarks)
    )


def _compare_share(
    quantity: Mapping[str, Any], given: Mapping[str, Any], values: Sequence[float | None]
) -> tuple[str, str, str, str]:
    """Compare two shares; the standard error is that of a difference under the pooled share."""
    p, n = float(given["value"]), given.get("n")
    shown = f"{p:.1%}" + (f" of {n}" if n else "")
    if not values:
        return shown, "–", "–", "not measured"
    count = len(values)
    hits = sum(value is not None and value == quantity["equals"] for value in values)
    low, high = share_interval(hits / count, count)
    here = f"{hits / count:.1%} of {count} [{low:.1%}, {high:.1%}]"
    pooled = p if not n else (p * n + hits) / (n + count)
    error = math.sqrt(pooled * (1 - pooled) * (1 / count + (1 / n if n else 0)))
    half = max(LIMIT * error, (high - low) / 2)  # the former is 0 if all runs are equal
    return shown, here, *_verdict(hits / count - p, error, half, quantity["matters"])


def _compare_mean(
    quantity: Mapping[str, Any], given: Mapping[str, Any], values: Sequence[float]
) -> tuple[str, str, str, str]:
    """Compare two means by Welch's standard error, or ours alone if no spread is published."""
    mean, spread, n = float(given["value"]), given.get("spread"), given.get("n")
    shown = f"{mean:g}" + (f" ± {spread:g}" if spread is not None else "")
    shown += f" of {n}" if n else ""
    if not values:
        return shown, "–", "–", "not measured"
    count, own = len(values), sum(values) / len(values)
    here = f"{own:.4g} of {count}"
    interval = t_interval(values)
    if interval is None:  # one run, or equal values, which do not show how much seeds differ
        return shown, here, "–", "cannot tell"
    here += f" [{interval.low:.4g}, {interval.high:.4g}]"
    if quantity.get("ranks"):
        return shown, here, "–", "–"
    variance = sum((value - own) ** 2 for value in values) / (count - 1) / count
    if spread is not None and n:
        variance += spread**2 / n
    error = math.sqrt(variance)
    return shown, here, *_verdict(own - mean, error, LIMIT * error, quantity["matters"])


def _verdict(difference: float, error: float, half: float, matters: float) -> tuple[str, str]:
    """Return the difference in standard errors, and whether the numbers agree.

    ``half``: half the width of the difference's interval; if it is larger than what matters, a
    difference that matters may have been missed.
    """
    if error == 0:  # all runs are equal, here and there
        apart = 0.0 if difference == 0 else math.copysign(math.inf, difference)
    else:
        apart = difference / error
    if abs(apart) > LIMIT:
        return f"{apart:+.1f}", "no"
    return f"{apart:+.1f}", "yes" if half <= matters else "cannot tell"


def _value(record: RunRecord, quantity: Mapping[str, Any]) -> float | None:
    """Return the metric of a run, None if it diverged or was not measured."""
    if record.status != "finished":
        return None
    start = str(quantity["metric"])
    return next((v for name, v in record.metrics.items() if name.startswith(start)), None)


def _matches(record: RunRecord, wanted: Mapping[str, Any]) -> bool:
    return all(
        record.loss == value if key == "loss" else _equal(_option(record, key), value)
        for key, value in wanted.items()
    )


def _deviations(record: RunRecord, setting: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} is {_option(record, key)!r}, published {value!r}"
        for key, value in setting.items()
        if not _equal(_option(record, key), value)
    ]


def _option(record: RunRecord, key: str) -> Any:
    node: Any = record.config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _equal(one: Any, other: Any) -> bool:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other))
    return math.isclose(one, other, rel_tol=1e-9) if numbers else bool(one == other)
