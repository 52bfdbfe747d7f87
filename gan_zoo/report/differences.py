"""Where the configurations of runs differ."""

from collections.abc import Mapping
from typing import Any

from gan_zoo.report.comparison import Variant


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested mapping to dotted keys with values as text.

    >>> flatten({"trainer": {"epochs": 3}, "seed": 0})
    {'trainer.epochs': '3', 'seed': '0'}
    """
    flat: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat


def config_differences(variants: tuple[Variant, ...]) -> list[tuple[str, list[str]]]:
    """Keys whose values differ between variants, with each variant's value (or values)."""
    settings = [_settings(variant) for variant in variants]
    keys = sorted({key for setting in settings for key in setting})
    rows = [(key, [" | ".join(sorted(s.get(key, {"–"}))) for s in settings]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _settings(variant: Variant) -> dict[str, set[str]]:
    values: dict[str, set[str]] = {}
    for run in variant.runs:
        for key, value in flatten(run.record.config).items():
            if key != "seed":
                values.setdefault(key, set()).add(value)
    return values
