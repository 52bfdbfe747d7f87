"""What a metric or a history column means in words, which direction is better, what bounds it.

A metric's name carries its protocol, ``[best_|ema_|best_ema_]<quantity>[_<extractor>]_<split>
[_<samples>]``, as in ``fid_mnistcnn_test_10k``. The prefix says whose images were measured: those
of the last epoch (none), of the epoch that was best on validation, of the generator's averaged
weights, or of both. The catalogue knows the quantities; a name that it does not know is shown as it
is, without a direction, and nothing is claimed about it.
"""

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gan_zoo.report.catalogue import ALIASES, EXTRACTORS, METRICS
from gan_zoo.report.diagnostics import DIAGNOSTICS, IMAGES, LOSS_MEANING, PARTS, PLACES, ROLES

CHECKPOINTS = {
    "": "last weights",
    "best_": "best weights on validation",
    "ema_": "averaged weights (EMA)",
    "best_ema_": "averaged weights (EMA), best on validation",
}
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
    rank: int = 999  # place in the catalogue; smaller is shown first
    unit: str = ""
    checkpoint: str = ""  # a key of CHECKPOINTS

    @property
    def full_title(self) -> str:
        """The title, with the checkpoint unless it is that of the last weights."""
        return f"{self.title}, {CHECKPOINTS[self.checkpoint]}" if self.checkpoint else self.title

    @property
    def short_title(self) -> str:
        """The abbreviation in the title's brackets, else the title as inside a sentence."""
        found = re.search(r"\((\w+)\)", self.title)
        return found[1] if found else self.title[0].lower() + self.title[1:]

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


_SIZE = re.compile(r"\d+k?")


def quantity(name: str) -> Quantity:
    """Describe a metric or a history column by its name alone.

    >>> quantity("fid_mnistcnn_test_10k").detail
    'MNIST classifier features, test split, 10k samples'
    >>> quantity("best_ema_fid_mnistcnn_test_10k").base
    'fid_mnistcnn_test_10k'
    >>> quantity("kid_mnistcnn_test_10k").short_title, quantity("recall").short_title
    ('KID', 'recall')
    >>> quantity("generator_test_auxiliary").title
    'Generator class loss, held-out images'
    """
    if name in _AXES:
        return Quantity(name, _AXES[name], "", 0, "", rank=_AXIS_RANK)
    tokens = name.split("_")
    if len(tokens) == 3 and tokens[0] in ROLES and tokens[2] in PARTS:
        title = f"{ROLES[tokens[0]]} {PARTS[tokens[2]]}, {IMAGES.get(tokens[1], tokens[1])}"
        return Quantity(name, title, "", 0, LOSS_MEANING, rank=_LOSS_RANK, unit="of the loss")
    checkpoint = max((c for c in CHECKPOINTS if name.startswith(c)), key=len)
    tokens = name.removeprefix(checkpoint).split("_")
    for length in range(len(tokens), 0, -1):
        key = "_".join(tokens[:length])
        key = ALIASES.get(key, key)
        if key in METRICS:
            return _metric(name, key, tokens[length:], checkpoint)
        if key in DIAGNOSTICS:
            return _diagnostic(name, key, tokens[length:])
    return Quantity(name, name.replace("_", " "), "", 0, "Not in this report's catalogue.")


def _metric(name: str, key: str, rest: list[str], checkpoint: str) -> Quantity:
    entry, words = METRICS[key], []
    for token in rest:
        if token in ("train", "validation", "test"):
            words.append(f"{token} split")
        elif _SIZE.fullmatch(token):
            words.append(f"{token} samples")
        else:
            words.append(EXTRACTORS.get(token, token))
    return Quantity(
        name,
        entry.title,
        ", ".join(words),
        entry.better,
        entry.meaning,
        entry.low,
        entry.high,
        list(METRICS).index(key),
        entry.unit,
        checkpoint,
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
    """Quantities by checkpoint, then in catalogue order, the test split before validation.

    Args:
        names: of the quantities.
        first: the checkpoint to begin with.
    """
    split = {"test": 0, "validation": 1, "train": 2}
    places = sorted(CHECKPOINTS, key=lambda checkpoint: checkpoint != first)

    def key(item: Quantity) -> tuple[int, int, int, str]:
        found = [split[token] for token in item.name.split("_") if token in split]
        place = places.index(item.checkpoint)
        return place, item.rank, found[0] if found else 3, item.name

    return sorted((quantity(name) for name in names), key=key)


def headline_checkpoint(measured: Iterable[Collection[str]]) -> str:
    """Return the checkpoint to speak of: the averaged weights if every run measured has them.

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
