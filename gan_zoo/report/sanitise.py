"""Make a readable record safe to work with: types as promised, finite numbers, printable text."""

import math
import re
from dataclasses import fields, replace
from typing import Any

from gan_zoo.runs.record import RecordError, RunRecord

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_DEEPEST = 40


def clean(record: RunRecord) -> RunRecord:
    """Replace what no file or page can hold in a text: control characters, half surrogates."""
    return RunRecord(**{f.name: _clean_value(getattr(record, f.name), 0) for f in fields(record)})


def printable(text: str) -> str:
    """A text, such as a folder's name, without the characters that no file or page can hold."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _clean_value(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise RecordError(f"nested more than {_DEEPEST} levels deep")
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {_clean_value(k, depth): _clean_value(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_clean_value(entry, depth + 1) for entry in value]
    return value


def checked(record: RunRecord) -> RunRecord:
    """Bring a readable record's fields to their types; a damaged file may hold anything."""
    for name in ("config", "environment", "dataset", "parameters", "progress", "metrics"):
        value = getattr(record, name)
        if not isinstance(value, dict):
            raise RecordError(f"{name} holds {type(value).__name__}, expected an object")
    if not isinstance(record.overrides, list):
        raise RecordError(f"overrides holds {type(record.overrides).__name__}, expected a list")
    whole = isinstance(record.seed, int) and not isinstance(record.seed, bool)
    if not whole or abs(record.seed) >= 2**63:
        raise RecordError("seed is no whole number of at most 63 bits")
    return replace(
        record,
        loss=str(record.loss),
        overrides=[str(entry) for entry in record.overrides],
        parameters=_finite(record.parameters),
        progress=_finite(record.progress),
        metrics={str(key): finite(value) for key, value in record.metrics.items()},
        reference_scores=_reference_scores(record.reference_scores),
        intervals=_intervals(record.intervals),
        divergence_range=_range(record.divergence_range),
        warnings=[str(entry) for entry in record.warnings]
        if isinstance(record.warnings, list)
        else [],
        unavailable=_strings(record.unavailable),
        error=record.error if isinstance(record.error, dict) else None,
        artifacts=_strings(record.artifacts),
        tables=_strings(record.tables),
        started=str(record.started),
        ended=str(record.ended),
    )


def finite(value: Any) -> float | None:
    """The value as a finite float; None for anything else (NaN, infinities, text, booleans)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    pairs = ((str(key), finite(value)) for key, value in values.items())
    return {key: value for key, value in pairs if value is not None}


def _reference_scores(values: Any) -> dict[str, dict[str, float]]:
    if not isinstance(values, dict):
        return {}
    found = {str(key): _finite(entry) for key, entry in values.items() if isinstance(entry, dict)}
    return {key: entry for key, entry in found.items() if entry}


def _intervals(values: Any) -> dict[str, list[float]]:
    """Pairs of finite numbers in ascending order; anything else is left out."""
    if not isinstance(values, dict):
        return {}
    pairs = {str(key): entry for key, entry in values.items() if isinstance(entry, list)}
    found = {key: [finite(bound) for bound in entry] for key, entry in pairs.items()}
    known = {key: [b for b in bounds if b is not None] for key, bounds in found.items()}
    return {
        key: bounds
        for key, bounds in known.items()
        if len(bounds) == len(pairs[key]) == 2 and bounds[0] <= bounds[1]
    }


def _range(values: Any) -> list[float | None] | None:
    """Two ends, None for one without a bound; anything else is no range."""
    if not isinstance(values, list) or len(values) != 2:
        return None
    low, high = (finite(end) for end in values)
    damaged = [low, high].count(None) > values.count(None)
    backwards = low is not None and high is not None and low > high
    return None if damaged or backwards else [low, high]


def _strings(values: Any) -> dict[str, str]:
    if not isinstance(values, dict):
        return {}
    return {str(key): value for key, value in values.items() if isinstance(value, str)}
