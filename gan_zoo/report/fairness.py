"""Where a comparison is not one of equals: budget, code, evaluator, data, hardware, seeds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gan_zoo.report.comparison import Comparison, Variant
from gan_zoo.report.differences import flatten
from gan_zoo.report.formatting import short
from gan_zoo.report.load import Run
from gan_zoo.report.quantities import class_of

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
}
_DATA = {"name": "data set", "sha256": "content", "train": "training images", "test": "test images"}


@dataclass(frozen=True)
class Caution:
    """A reason to read the comparison with care."""

    topic: str
    text: str


def cautions(comparison: Comparison) -> list[Caution]:
    """Every difference between the compared runs that is not the variant itself."""
    variants = [variant for variant in comparison.variants if variant.runs]
    found = [*_budget(variants), *_seeds(variants)]
    found += _by_run(variants, _CODE, lambda run: run.record.environment, "Code")
    found += _by_run(variants, _DATA, lambda run: run.record.dataset, "Data")
    found += _evaluator(variants)
    found += _references(comparison)
    hardware = _by_run(variants, _HARDWARE, lambda run: run.record.environment, "Hardware")
    found += [Caution(c.topic, f"{c.text} Seconds are not comparable.") for c in hardware]
    found += _mixed(variants)
    found += _recipes(variants)
    found += _unavailable(variants)
    return found + _unfinished(comparison)


def _groups(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Value -> names that have it, each name once, in order."""
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        names = groups.setdefault(value, [])
        if name not in names:
            names.append(name)
    return groups


def _told(groups: Mapping[str, list[str]]) -> str:
    parts = [f"{value} ({_some(names)})" for value, names in groups.items()]
    return "; ".join(parts[:6]) + ("; …" if len(parts) > 6 else "")


def _some(names: list[str], most: int = 4) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _budget(variants: list[Variant]) -> list[Caution]:
    found = []
    for key, title in _BUDGET.items():
        amounts = [(variant.name, variant.progress(key)) for variant in variants]
        known = [(name, amount) for name, amount in amounts if amount is not None]
        values = [amount for _, amount in known]
        if values and max(values) - min(values) > 0.01 * max(values):
            told = _told(_groups((name, f"{round(amount):,}") for name, amount in known))
            found.append(Caution("Budget", f"{title} differ: {told}."))
    return found


def _seeds(variants: list[Variant]) -> list[Caution]:
    groups = _groups((variant.name, variant.seeds) for variant in variants)
    if len(groups) < 2:
        return []
    text = f"Seeds differ: {_told(groups)}. Paired tests and ranks use the shared seeds only."
    return [Caution("Seeds", text)]


def _by_run(
    variants: list[Variant],
    keys: Mapping[str, str],
    facts: Callable[[Run], Mapping[str, object]],
    topic: str,
) -> list[Caution]:
    found = []
    for key, title in keys.items():
        pairs = [
            (variant.name, _short(str(facts(run)[key])))
            for variant in variants
            for run in variant.runs
            if facts(run).get(key) is not None
        ]
        groups = _groups(pairs)
        if len(groups) > 1:
            found.append(Caution(topic, f"The {title} differs: {_told(groups)}."))
    return found


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:12]}…"


def _evaluator(variants: list[Variant]) -> list[Caution]:
    found = []
    measured = [
        (variant.name, {name for name in run.record.metrics if class_of(name) is None})
        for variant in variants
        for run in variant.finished
    ]
    common = set.intersection(*(names for _, names in measured)) if measured else set()
    groups = _groups(
        (name, _some(sorted(names - common)) or "no more than the others")
        for name, names in measured
    )
    if len(groups) > 1:
        found.append(Caution("Evaluator", f"The metrics measured differ: {_told(groups)}."))
    settings: dict[str, list[tuple[str, str]]] = {}
    for variant in variants:
        for run in variant.runs:
            for key, value in flatten(run.record.config).items():
                if key.split(".")[0] in ("evaluation", "features"):
                    settings.setdefault(key, []).append((variant.name, value))
    for key, pairs in sorted(settings.items()):
        groups = _groups(pairs)
        if len(groups) > 1:
            found.append(Caution("Evaluator", f"The setting {key} differs: {_told(groups)}."))
    return found


def _references(comparison: Comparison) -> list[Caution]:
    """References are the evaluator's own: where they differ, so did what measured the runs."""
    differing = [
        f"{metric} for {entry.title.lower()} (by {short(entry.spread)})"
        for metric, entries in comparison.references.items()
        for entry in entries
        if entry.spread > 1e-6 * abs(entry.value)
    ]
    if not differing:
        return []
    return [Caution("Evaluator", f"Reference values differ between runs: {_some(differing)}.")]


def _mixed(variants: list[Variant]) -> list[Caution]:
    """Variants whose own runs differ in more than the seed."""
    found = []
    for variant in variants:
        values: dict[str, set[str]] = {}
        for run in variant.runs:
            for key, value in flatten(run.record.config).items():
                values.setdefault(key, set()).add(value)
        mixed = sorted(key for key, seen in values.items() if len(seen) > 1 and key != "seed")
        if mixed:
            text = f"Runs of {variant.name} differ in more than the seed: {_some(mixed)}."
            found.append(Caution("Configuration", text))
    return found


def _recipes(variants: list[Variant]) -> list[Caution]:
    """What runs warned of: parts that defeat each other, so that they judge no method."""
    pairs = ((v.name, text) for v in variants for run in v.runs for text in run.record.warnings)
    return [Caution("Recipe", f"{_some(names)}: {text}") for text, names in _groups(pairs).items()]


def _unavailable(variants: list[Variant]) -> list[Caution]:
    """Metrics and pictures that runs could not have, those of one reason together."""
    reasons: dict[str, list[tuple[str, str]]] = {}
    for variant in variants:
        for run in variant.runs:
            for name, why in run.record.unavailable.items():
                reasons.setdefault(why, []).append((variant.name, name))
    return [
        Caution(
            "Not available",
            f"{_some(list(dict.fromkeys(name for _, name in found)))}"
            f" ({_some(list(dict.fromkeys(variant for variant, _ in found)))}): {why}",
        )
        for why, found in reasons.items()
    ]


def _unfinished(comparison: Comparison) -> list[Caution]:
    found = []
    waiting = [run for run in comparison.collection.runs if run.record.status == "running"]
    if waiting:
        told = _some(list(dict.fromkeys(run.variant for run in waiting)))
        text = f"{len(waiting)} run{'s' if len(waiting) > 1 else ''} not at the end yet ({told}): "
        found.append(Caution("Progress", f"{text}the numbers will change."))
    lost = [r for r in comparison.collection.runs if r.record.status in ("failed", "interrupted")]
    if lost:
        told = _some(list(dict.fromkeys(run.variant for run in lost)))
        text = f"{len(lost)} run{'s' if len(lost) > 1 else ''} failed or interrupted ({told}): "
        found.append(Caution("Progress", f"{text}missing from every comparison."))
    if comparison.collection.repeated:
        text = f"{len(comparison.collection.repeated)} runs repeat a variant and seed and are not "
        found.append(Caution("Seeds", f"{text}counted; the latest that came to its end is."))
    return found
