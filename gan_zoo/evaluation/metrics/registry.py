"""The metric registry: what each metric is called, means and needs. Importing it needs no torch.

A metric is one file of this folder with two parts beside its formula: ``METRIC``, which declares
it, and ``measure(comparison)``, which applies it. The evaluator, the report and the documentation
read ``METRICS`` and ``QUANTITIES``. Declarations are read from the source of the files, since
importing the files would load torch, which the report does without.
"""

import ast
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

SQUARED_DISTANCE = "squared distance in feature space"


@dataclass(frozen=True)
class Description:
    """A quantity in words, with its direction and its domain.

    Args:
        title: for headings, with an abbreviation in brackets if there is a usual one.
        better: +1 if higher is better, -1 if lower is, 0 to compare with the value of real data.
        meaning: a sentence or two.
        low, high: bounds of the domain.
        unit: of the values.
    """

    title: str
    better: int
    meaning: str
    low: float = -math.inf
    high: float = math.inf
    unit: str = ""


def share(title: str, better: int, meaning: str) -> Description:
    """Describe a share between 0 and 1."""
    return Description(title, better, meaning, 0.0, 1.0, "share, 0 to 1")


@dataclass(frozen=True)
class Metric:
    """One choice of ``evaluation.metrics``: the quantities it gives and what it needs.

    Args:
        place: in lists; the smallest comes first.
        quantities: name in records -> description.
        cheap: measured on the validation split during training by default.
        on_request: left out unless ``evaluation.metrics`` names it.
        needs_classes: needs at least two classes.
        needs_labels: needs the labels that samples were requested with; implies ``needs_classes``.
        needs_unseen: compares with real images that no network was trained on.
        min_samples, min_per_class: generated samples needed in all and of each class.
        min_real: real images needed.
        min_side: smallest height and width of the images, in pixels.
        square: needs square images.
        extractor: the only feature network that it works with; empty: any.
    """

    place: int
    quantities: dict[str, Description]
    cheap: bool = False
    on_request: bool = False
    needs_classes: bool = False
    needs_labels: bool = False
    needs_unseen: bool = False
    min_samples: int = 2
    min_per_class: int = 0
    min_real: int = 1
    min_side: int = 1
    square: bool = False
    extractor: str = ""

    def applies_to(self, shape: Sequence[int], num_classes: int, *, labelled: bool) -> bool:
        """Return whether images of shape (C, H, W) allow this metric, whatever the extractor."""
        if num_classes < 2 and (self.needs_classes or self.needs_labels):
            return False
        if self.needs_labels and not labelled:
            return False
        _, height, width = shape
        return min(height, width) >= self.min_side and (height == width or not self.square)


def read_declarations(folder: Path) -> dict[str, Metric]:
    """Return the ``METRIC`` of each file in a folder by the file's name, in order of ``place``."""
    found = {}
    for path in folder.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case ast.Assign(targets=[ast.Name("METRIC")], value=declaration):
                    found[path.stem] = _build(declaration)
    return dict(sorted(found.items(), key=lambda item: item[1].place))


def _build(node: ast.expr) -> Any:
    """Evaluate a declaration: literals, names of this module, and calls of its constructors."""
    match node:
        case ast.Call(func=ast.Name("Metric" | "Description" | "share" as name)):
            options = {str(each.arg): _build(each.value) for each in node.keywords}
            return globals()[name](*map(_build, node.args), **options)
        case ast.Dict(keys=keys, values=values):
            return {ast.literal_eval(k): _build(v) for k, v in zip(keys, values, strict=True) if k}
        case ast.Name("SQUARED_DISTANCE"):
            return SQUARED_DISTANCE
    return ast.literal_eval(node)


METRICS = read_declarations(Path(__file__).parent)
QUANTITIES = {key: entry for each in METRICS.values() for key, entry in each.quantities.items()}
EXTRACTORS = {
    "mnistcnn": "MNIST classifier features",
    "fashioncnn": "Fashion-MNIST classifier features",
    "stackedmnistcnn": "MNIST classifier features of each channel",
}


def applicable(shape: Sequence[int], num_classes: int, *, labelled: bool = True) -> list[str]:
    """Return the names of the metrics that images of shape (C, H, W) and these classes allow.

    Metrics that need a certain feature network are among them.
    """
    return [
        name
        for name, metric in METRICS.items()
        if metric.applies_to(shape, num_classes, labelled=labelled)
    ]


def choose(names: list[str] | None, allowed: list[str], default: list[str]) -> list[str]:
    """Return ``names``; if they are None, those of the default that are allowed.

    Raises:
        ValueError: If a name is unknown or not allowed here.
    """
    if names is None:
        return [name for name in default if name in allowed]
    for name in names:
        if name not in allowed:
            why = "does not apply to these samples" if name in METRICS else "is unknown"
            raise ValueError(f"the metric {name!r} {why}; allowed here: {', '.join(allowed)}")
    return list(names)


def without_requested(names: list[str]) -> list[str]:
    """Return the metrics that are measured without being asked for."""
    return [name for name in names if not METRICS[name].on_request]


def min_samples(names: list[str], num_classes: int) -> int:
    """Return the fewest balanced samples that all these metrics are defined for."""
    metrics = [METRICS[name] for name in names]
    return max([2, *(max(m.min_samples, m.min_per_class * num_classes) for m in metrics)])


CHECKPOINTS = {
    "": "last weights",
    "best_": "best weights on validation",
    "ema_": "averaged weights (EMA)",
    "best_ema_": "averaged weights (EMA), best on validation",
}
SPLITS = ("train", "validation", "test")


class MetricName(NamedTuple):
    """The name of a measured quantity, in its parts: ``best_ema_fid_mnistcnn_test_10k``.

    ``str`` joins the parts, ``parse_name`` takes them apart.
    """

    quantity: str  # a key of QUANTITIES
    source: str = ""  # the feature network, or the data set of points
    split: str = ""  # of the real data, one of SPLITS; empty for points of a known distribution
    samples: str = ""  # their number, such as 10k
    checkpoint: str = ""  # a key of CHECKPOINTS

    def __str__(self) -> str:
        parts = (self.quantity, self.source, self.split, self.samples)
        return self.checkpoint + "_".join(part for part in parts if part)


def parse_name(name: str) -> MetricName | None:
    """Return the parts of a metric's name; None if its quantity is not in the registry.

    >>> parse_name("best_fid_mnistcnn_test_10k")
    MetricName(quantity='fid', source='mnistcnn', split='test', samples='10k', checkpoint='best_')
    >>> parse_name("generator_train_loss")
    """
    checkpoint = max((key for key in CHECKPOINTS if name.startswith(key)), key=len)
    tokens = name.removeprefix(checkpoint).split("_")
    for length in range(len(tokens), 0, -1):
        quantity, rest = "_".join(tokens[:length]), tokens[length:]
        if quantity in QUANTITIES:
            samples = rest.pop() if rest and re.fullmatch(r"\d+k?", rest[-1]) else ""
            split = rest.pop() if rest and rest[-1] in SPLITS else ""
            return MetricName(quantity, "_".join(rest), split, samples, checkpoint)
    return None


def short_count(count: int) -> str:
    """Return a number of samples as names of metrics have it: 10000 as ``10k``."""
    return f"{count // 1000}k" if count % 1000 == 0 else str(count)
