"""What a metric or a history column means in words, which direction is better, what bounds it.

A metric's name carries its protocol, ``<quantity>[_<extractor>]_<split>[_<samples>]``, as in
``fid_mnistcnn_test_10k``. The catalogue below knows the quantities; a name that it does not know is
shown as it is, without a direction, and nothing is claimed about it.
"""

import math
import re
from dataclasses import dataclass

from gan_zoo.report.catalogue import ALIASES, EXTRACTORS, METRICS


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

    @property
    def direction(self) -> str:
        """Which way is better, in words; empty if neither."""
        return {1: "↑ higher is better", -1: "↓ lower is better", 0: ""}[self.better]

    @property
    def arrow(self) -> str:
        """↑, ↓ or nothing."""
        return {1: "↑", -1: "↓", 0: ""}[self.better]


_SIZE = re.compile(r"\d+k?")
_CLASS = re.compile(r"(?P<start>.+?)_class_(?P<label>\d{1,4})(?P<end>(_.*)?)")
_ROLES = {"generator": "Generator", "discriminator": "Discriminator"}
_PARTS = {
    "loss": "total loss",
    "generation": "adversarial loss",
    "auxiliary": "class loss",
    "penalty": "penalty",
}
# "test" is the validation split unless evaluation.loss_split says otherwise: call it held out.
_IMAGES = {"train": "training images", "test": "held-out images"}
_LOSS_MEANING = (
    "A loss is comparable between runs of one variant only: another variant minimises another "
    "function."
)


def quantity(name: str) -> Quantity:
    """Describe a metric or a history column by its name alone.

    >>> quantity("fid_mnistcnn_test_10k").detail
    'MNIST classifier features, test split, 10k samples'
    >>> quantity("generator_test_auxiliary").title
    'Generator class loss, held-out images'
    """
    if name in _AXES:
        return Quantity(name, _AXES[name], "", 0, "", rank=2000)
    tokens = name.split("_")
    if len(tokens) == 3 and tokens[0] in _ROLES and tokens[2] in _PARTS:
        title = f"{_ROLES[tokens[0]]} {_PARTS[tokens[2]]}, {_IMAGES.get(tokens[1], tokens[1])}"
        return Quantity(name, title, "", 0, _LOSS_MEANING, rank=1000)
    qualifiers = []
    while tokens and tokens[0] in ("best", "last", "ema"):
        qualifiers.append(tokens.pop(0))
    for length in range(len(tokens), 0, -1):
        key = "_".join(tokens[:length])
        key = ALIASES.get(key, key)
        if key in METRICS:
            return _known(name, key, tokens[length:], qualifiers)
    return Quantity(name, name.replace("_", " "), "", 0, "Not in this report's catalogue.")


def _known(name: str, key: str, rest: list[str], qualifiers: list[str]) -> Quantity:
    entry = METRICS[key]
    words = [f"{word} checkpoint" if word == "best" else word for word in qualifiers]
    if key in ("gradient_norm", "score", "discriminator_accuracy"):
        title = f"{entry.title}, {' '.join(rest)}" if rest else entry.title
        return Quantity(name, title, "", 0, entry.meaning, entry.low, entry.high, 1001)
    for token in rest:
        if token in ("train", "validation", "test"):
            words.append(f"{token} split")
        elif _SIZE.fullmatch(token):
            words.append(f"{token} samples")
        else:
            words.append(EXTRACTORS.get(token, token))
    place = list(METRICS).index(key)
    return Quantity(
        name,
        entry.title,
        ", ".join(words),
        entry.better,
        entry.meaning,
        entry.low,
        entry.high,
        place,
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


def ordered(names: set[str]) -> list[Quantity]:
    """Quantities in catalogue order; final numbers (test split) before validation ones."""
    split = {"test": 0, "validation": 1, "train": 2}

    def key(item: Quantity) -> tuple[int, int, str]:
        found = [split[token] for token in item.name.split("_") if token in split]
        return item.rank, found[0] if found else 3, item.name

    return sorted((quantity(name) for name in names), key=key)


def class_of(metric: str) -> tuple[str, str] | None:
    """Quantity and class of a per-class metric; None for any other.

    >>> class_of("label_accuracy_class_3_mnistcnn_test_10k")
    ('label_accuracy_mnistcnn_test_10k', '3')
    >>> class_of("intra_class_fid_mnistcnn_test_10k")
    """
    match = _CLASS.fullmatch(metric)
    return (match["start"] + match["end"], match["label"]) if match else None
