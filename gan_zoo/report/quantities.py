"""Describe metrics and history columns: title, direction, meaning, bounds and unit.

Metrics are described by the metric registry, history columns by ``gan_zoo.report.diagnostics``. A
name that neither knows is shown as it is, without a direction.
"""

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gan_zoo.evaluation.metrics.registry import (
    CHECKPOINTS,
    EXTRACTORS,
    METRICS,
    QUANTITIES,
    MetricName,
    parse_name,
)
from gan_zoo.report.diagnostics import DIAGNOSTICS, IMAGES, LOSS_MEANING, PARTS, PLACES, ROLES

_LOSS_RANK, _DIAGNOSTIC_RANK, _AXIS_RANK = 1000, 1001, 2000


@dataclass(frozen=True)
class Quantity:
    """A metric or a history column, ready to be shown."""

    name: str  # as in the record
    title: str
    detail: str  # the protocol in words; empty for history columns
    better: int  # +1 higher is better, -1 lower is better, 0 neither
    meaning: str
    low: float = -math.inf  # bounds of the domain
    high: float = math.inf
    rank: int = 999  # smaller is shown first
    unit: str = ""
    checkpoint: str = ""  # a key of CHECKPOINTS
    split: str = ""  # of the real data; empty for history columns

    @property
    def full_title(self) -> str:
        """The title, with the checkpoint unless it is that of the last weights."""
        return f"{self.title}, {CHECKPOINTS[self.checkpoint]}" if self.checkpoint else self.title

    @property
    def short_title(self) -> str:
        """The abbreviation in the title's brackets, else the title as inside a sentence."""
        found = re.search(r"\((\w+)\)", self.title)
        if found or self.title[:2].isupper():
            return found[1] if found else self.title
        return self.title[0].lower() + self.title[1:]

    @property
    def base(self) -> str:
        """The name without its checkpoint."""
        return self.name.removeprefix(self.checkpoint)

    @property
    def direction(self) -> str:
        """Which way is better, in words; empty if neither."""
        return {1: "↑ higher is better", -1: "↓ lower is better", 0: ""}[self.better]

    @property
    def arrow(self) -> str:
        """↑, ↓ or nothing."""
        return {1: "↑", -1: "↓", 0: ""}[self.better]


def quantity(name: str) -> Quantity:
    """Describe a metric or a history column by its name alone.

    >>> quantity("fid_mnistcnn_test_10k").detail
    'MNIST classifier features, test split, 10k samples'
    >>> quantity("best_ema_fid_mnistcnn_test_10k").base
    'fid_mnistcnn_test_10k'
    >>> quantity("kid_mnistcnn_test_10k").short_title, quantity("recall").short_title
    ('KID', 'recall')
    >>> quantity("gan_train").short_title
    'GAN-train accuracy'
    >>> quantity("generator_test_auxiliary").title
    'Generator class loss, held-out images'
    """
    if name in _AXES:
        return Quantity(name, _AXES[name], "", 0, "", rank=_AXIS_RANK)
    tokens = name.split("_")
    if len(tokens) == 3 and tokens[0] in ROLES and tokens[2] in PARTS:
        title = f"{ROLES[tokens[0]]} {PARTS[tokens[2]]}, {IMAGES.get(tokens[1], tokens[1])}"
        return Quantity(name, title, "", 0, LOSS_MEANING, rank=_LOSS_RANK, unit="of the loss")
    parsed = parse_name(name)
    if parsed is not None:
        return _metric(name, parsed)
    for length in range(len(tokens), 0, -1):
        key = "_".join(tokens[:length])
        if key in DIAGNOSTICS:
            return _diagnostic(name, key, tokens[length:])
    return Quantity(name, name.replace("_", " "), "", 0, "Not in the metric registry.")


def spoken(name: str) -> str:
    """Return in words the name under which a record lists a missing metric or picture.

    >>> spoken("ema_fid_mnistcnn_validation_1k")
    'FID (averaged weights (EMA), validation split)'
    >>> spoken("precision_recall_mnistcnn_test_10k"), spoken("nearest_neighbours")
    ('precision, recall, density, coverage (test split)', 'nearest neighbours')
    >>> spoken("kid of kernel_density samples"), spoken("all metrics")
    ('KID of kernel density samples', 'all metrics')
    """
    of_run, of, sampler = name.partition(" of ")
    checkpoint = max((key for key in CHECKPOINTS if of_run.startswith(key)), key=len)
    base = of_run.removeprefix(checkpoint)
    known = [key for key in METRICS if base == key or base.startswith(f"{key}_")]
    if not known:
        return name.replace("_", " ")
    metric = max(known, key=len)
    rest = base.removeprefix(metric)
    found = [quantity(f"{checkpoint}{each}{rest}") for each in METRICS[metric].quantities]
    split = f"{found[0].split} split" if found[0].split else ""
    where = ", ".join(word for word in (checkpoint and CHECKPOINTS[checkpoint], split) if word)
    words = ", ".join(each.short_title for each in found) + (f" ({where})" if where else "")
    return words + of + sampler.replace("_", " ")


def _metric(name: str, parsed: MetricName) -> Quantity:
    entry = QUANTITIES[parsed.quantity]
    words = [
        EXTRACTORS.get(parsed.source, parsed.source),
        f"{parsed.split} split" if parsed.split else "",
        f"{parsed.samples} samples" if parsed.samples else "",
    ]
    return Quantity(
        name,
        entry.title,
        ", ".join(word for word in words if word),
        entry.better,
        entry.meaning,
        entry.low,
        entry.high,
        list(QUANTITIES).index(parsed.quantity),
        entry.unit,
        parsed.checkpoint,
        parsed.split,
    )


def _diagnostic(name: str, key: str, rest: list[str]) -> Quantity:
    entry = DIAGNOSTICS[key]
    place = " ".join(PLACES.get(token, token) for token in rest)
    title = f"{entry.title}, {place}" if place else entry.title
    rank = _DIAGNOSTIC_RANK + list(DIAGNOSTICS).index(key)
    return Quantity(
        name, title, "", entry.better, entry.meaning, entry.low, entry.high, rank, entry.unit
    )


_AXES = {
    "epoch": "Epoch",
    "generator_updates": "Generator updates",
    "discriminator_updates": "Discriminator updates",
    "images_seen": "Real images seen",
    "seconds": "Training seconds",
    "images_per_second": "Images per second",
}
AXES = ("epoch", "generator_updates", "discriminator_updates", "images_seen", "seconds")


def ordered(names: set[str], first: str = "") -> list[Quantity]:
    """Sort quantities by checkpoint, then as in the registry, the test split before validation.

    Args:
        names: of the quantities.
        first: the checkpoint to begin with.
    """
    split = {"test": 0, "validation": 1, "train": 2}
    places = sorted(CHECKPOINTS, key=lambda checkpoint: checkpoint != first)

    def key(item: Quantity) -> tuple[int, int, int, str]:
        place = places.index(item.checkpoint)
        return place, item.rank, split.get(item.split, 3), item.name

    return sorted((quantity(name) for name in names), key=key)


def headline_checkpoint(measured: Iterable[Collection[str]]) -> str:
    """Return the headline checkpoint: the averaged weights if every run measured has them.

    Otherwise the last weights, which all runs have: only like is compared with like.

    Args:
        measured: the names of each run's metrics.

    >>> headline_checkpoint([{"fid_test", "ema_fid_test"}, {}])
    'ema_'
    >>> headline_checkpoint([{"fid_test", "ema_fid_test"}, {"fid_test"}])
    ''
    """
    averaged = [any(name.startswith("ema_") for name in names) for names in measured if names]
    return "ema_" if averaged and all(averaged) else ""
