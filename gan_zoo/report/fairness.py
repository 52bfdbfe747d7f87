"""Where runs differ in more than the variant: budget, code, evaluator, data, hardware, seeds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gan_zoo.report.comparison import Comparison, Variant
from gan_zoo.report.formatting import count, short
from gan_zoo.report.load import Run
from gan_zoo.report.quantities import spoken
from gan_zoo.runs.resume import cosmetic

_BUDGET = {
    "generator_updates": "Generator updates",
    "discriminator_updates": "Discriminator updates",
    "images_seen": "Real images seen",
}
_CODE = {"gan_zoo": "gan_zoo version", "commit": "commit", "torch": "torch version"}
_HARDWARE = {
    "cpu": "processor",
    "cores": "cores",
    "threads": "threads",
    "device": "device",
    "device_name": "accelerator",
    "precision": "precision",
    "deterministic": "choice of deterministic algorithms",
}
_DATA = {"name": "data set", "sha256": "content", "train": "training images", "test": "test images"}
_Facts = Callable[[Run], Mapping[str, object]]


@dataclass(frozen=True)
class Caution:
    """A reason to read the comparison with care."""

    topic: str
    text: str


def cautions(comparison: Comparison) -> list[Caution]:
    """Return every difference between the compared runs other than the variant itself."""
    variants = comparison.variants
    hardware = _differing(variants, _environment, _HARDWARE)
    texts = [
        ("Budget", _budget(variants)),
        ("Seeds", _seeds(variants)),
        ("Code", _differing(variants, _environment, _CODE)),
        ("Data", _differing(variants, lambda run: run.record.dataset, _DATA)),
        ("Evaluator", _metrics(variants)),
        ("Evaluator", _differing(variants, _evaluator_settings)),
        ("Evaluator", _references(comparison)),
        ("Hardware", [f"{text} Seconds are not comparable." for text in hardware]),
        ("Configuration", _mixed(variants)),
        ("Recipe", _warnings(variants)),
        ("Not available", _unavailable(variants)),
        ("Progress", _unfinished(comparison)),
        ("Seeds", _repeated(comparison)),
    ]
    return [Caution(topic, text) for topic, found in texts for text in found]


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return a nested mapping as dotted keys with values as text.

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
    """Return settings that differ between variants, with each variant's value or values."""
    settings = [_settings(variant) for variant in variants]
    keys = sorted({key for setting in settings for key in setting})
    rows = [(key, [" | ".join(sorted(s.get(key, {"–"}))) for s in settings]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _settings(variant: Variant) -> dict[str, set[str]]:
    """Return the values that a variant's runs give to each setting but the seed."""
    values: dict[str, set[str]] = {}
    for run in variant.runs:
        for key, value in _effective(run).items():
            values.setdefault(key, set()).add(value)
    return values


def _effective(run: Run) -> dict[str, str]:
    """Return the settings that a run's numbers depend on, but the seed."""
    flat = flatten(run.record.config)
    return {key: value for key, value in flat.items() if key != "seed" and not cosmetic(key)}


def _groups(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Group (value, name) pairs: value -> names that have it, each name once, in order."""
    groups: dict[str, dict[str, None]] = {}
    for value, name in pairs:
        groups.setdefault(value, {})[name] = None
    return {value: list(names) for value, names in groups.items()}


def _described(
    groups: Mapping[str, list[str]], shorten: Callable[[str], str] = lambda value: value
) -> str:
    parts = [f"{shorten(value)} ({_some(names)})" for value, names in groups.items()]
    return "; ".join(parts[:6]) + ("; …" if len(parts) > 6 else "")


def _some(names: list[str], most: int = 4) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _budget(variants: tuple[Variant, ...]) -> list[str]:
    found = []
    for key, title in _BUDGET.items():
        known = [(v.progress(key), v.name) for v in variants if v.progress(key) is not None]
        values = [amount for amount, _ in known if amount is not None]
        if values and max(values) - min(values) > 0.01 * max(values):
            groups = _groups((count(amount), name) for amount, name in known)
            found.append(f"{title} differ: {_described(groups)}.")
    return found


def _seeds(variants: tuple[Variant, ...]) -> list[str]:
    groups = _groups((variant.seeds, variant.name) for variant in variants)
    text = f"Seeds differ: {_described(groups)}. Paired tests and ranks use the shared seeds only."
    return [text] if len(groups) > 1 else []


def _differing(
    variants: tuple[Variant, ...], facts: _Facts, titles: Mapping[str, str] | None = None
) -> list[str]:
    """Describe each fact of the runs that differs; without titles every fact is a setting."""
    found: dict[str, list[tuple[str, str]]] = {}
    for variant in variants:
        for run in variant.runs:
            for key, value in facts(run).items():
                if value is not None:
                    found.setdefault(key, []).append((str(value), variant.name))
    if titles is None:
        titles = {key: f"setting {key}" for key in sorted(found)}
    described = {title: _groups(found.get(key, ())) for key, title in titles.items()}
    return [
        f"The {title} differs: {_described(groups, _shortened)}."
        for title, groups in described.items()
        if len(groups) > 1
    ]


def _environment(run: Run) -> dict[str, Any]:
    return run.record.environment


def _shortened(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:12]}…"


def _evaluator_settings(run: Run) -> dict[str, str]:
    found = _effective(run).items()
    return {k: v for k, v in found if k.split(".")[0] in ("evaluation", "features")}


def _metrics(variants: tuple[Variant, ...]) -> list[str]:
    measured = [
        (set(run.record.metrics), variant.name) for variant in variants for run in variant.finished
    ]
    common = set.intersection(*(names for names, _ in measured)) if measured else set()
    groups = _groups(
        (_some(sorted(names - common)) or "no more than the others", name)
        for names, name in measured
    )
    return [f"The metrics measured differ: {_described(groups)}."] if len(groups) > 1 else []


def _references(comparison: Comparison) -> list[str]:
    """Describe references that differ: they depend on nothing but the evaluator."""
    differing = [
        f"{metric} for {entry.title.lower()} (by {short(entry.spread)})"
        for metric, entries in comparison.references.items()
        for entry in entries
        if entry.spread > 1e-6 * abs(entry.value)
    ]
    return [f"Reference values differ between runs: {_some(differing)}."] if differing else []


def _mixed(variants: tuple[Variant, ...]) -> list[str]:
    """Describe variants whose own runs differ in more than the seed."""
    found = []
    for variant in variants:
        mixed = sorted(key for key, values in _settings(variant).items() if len(values) > 1)
        if mixed:
            found.append(f"Runs of {variant.name} differ in more than the seed: {_some(mixed)}.")
    return found


def _warnings(variants: tuple[Variant, ...]) -> list[str]:
    """Return the runs' warnings about parts that defeat each other."""
    pairs = ((text, v.name) for v in variants for run in v.runs for text in run.record.warnings)
    return [f"{_some(names)}: {text}" for text, names in _groups(pairs).items()]


def _unavailable(variants: tuple[Variant, ...]) -> list[str]:
    """Return metrics and pictures that runs could not produce, grouped by reason."""
    missing = [
        (why, name, variant.name)
        for variant in variants
        for run in variant.runs
        for name, why in run.record.unavailable.items()
    ]
    names = _groups((why, spoken(name)) for why, name, _ in missing)
    owners = _groups((why, owner) for why, _, owner in missing)
    return [f"{_some(names[why])} ({_some(owners[why])}): {why}" for why in names]


def _unfinished(comparison: Comparison) -> list[str]:
    return [
        f"{len(found)} run{'s' if len(found) > 1 else ''} {what} "
        f"({_some(list(dict.fromkeys(run.variant for run in found)))}): {consequence}"
        for statuses, what, consequence in (
            (("running",), "not finished yet", "the numbers will change."),
            (("failed", "interrupted"), "failed or interrupted", "missing from every comparison."),
        )
        if (found := [r for r in comparison.collection.runs if r.record.status in statuses])
    ]


def _repeated(comparison: Comparison) -> list[str]:
    number = len(comparison.collection.repeated)
    text = "repeat a variant and seed and are not counted; the latest that ended is counted."
    return [f"{number} runs {text}"] if number else []
