"""What a metric or a history column means in words, which direction is better, what bounds it.

A metric's name carries its protocol, ``<quantity>[_<extractor>]_<split>[_<samples>]``, as in
``fid_mnistcnn_test_10k``. The catalogue below knows the quantities; a name that it does not know is
shown as it is, without a direction, and nothing is claimed about it.
"""

import math
import re
from dataclasses import dataclass


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


@dataclass(frozen=True)
class _Entry:
    title: str
    better: int
    meaning: str
    low: float = -math.inf
    high: float = math.inf


_INF = math.inf
_METRICS: dict[str, _Entry] = {
    "fid": _Entry(
        "Fréchet distance (FID)",
        -1,
        "Fréchet distance between Gaussians fitted to the features of real and generated images; "
        "0 for equal means and covariances. Comes with a bias that depends on the sample size.",
        0.0,
    ),
    "label_accuracy": _Entry(
        "Label accuracy",
        1,
        "Share of generated images that an independent classifier assigns to the label they were "
        "generated for. Sees recognisability, not diversity.",
        0.0,
        1.0,
    ),
    "precision": _Entry(
        "Precision",
        1,
        "Share of generated images inside the manifold of real ones (k nearest neighbours): "
        "fidelity.",
        0.0,
        1.0,
    ),
    "recall": _Entry(
        "Recall",
        1,
        "Share of real images inside the manifold of generated ones: diversity.",
        0.0,
        1.0,
    ),
    "density": _Entry(
        "Density",
        1,
        "Number of real neighbourhoods that hold a generated image, over its expectation: "
        "fidelity, robust to outliers; about 1 for real data.",
        0.0,
    ),
    "coverage": _Entry(
        "Coverage",
        1,
        "Share of real images whose neighbourhood holds a generated one: diversity.",
        0.0,
        1.0,
    ),
    "kid": _Entry(
        "Kernel distance (KID)",
        -1,
        "Squared maximum mean discrepancy of features under a cubic kernel, unbiased: may be "
        "slightly negative.",
    ),
    "intra_class_fid": _Entry(
        "Intra-class FID",
        -1,
        "Fréchet distance within each class, averaged over classes: fidelity and diversity given "
        "the label.",
        0.0,
    ),
    "inception_score": _Entry(
        "Inception-score analogue",
        1,
        "exp of the mean divergence of predicted class probabilities from their marginal, with the "
        "named classifier; at most the number of classes.",
        1.0,
    ),
    "gan_train": _Entry(
        "GAN-train accuracy",
        1,
        "Test accuracy on real images of a classifier trained on generated ones: fidelity and "
        "diversity.",
        0.0,
        1.0,
    ),
    "gan_test": _Entry(
        "GAN-test accuracy",
        1,
        "Accuracy on generated images of a classifier trained on real ones: fidelity.",
        0.0,
        1.0,
    ),
    "class_kl": _Entry(
        "Class-histogram KL",
        -1,
        "Divergence of the histogram of predicted classes from the intended one, in nats.",
        0.0,
    ),
    "class_tv": _Entry(
        "Class-histogram total variation",
        -1,
        "Half the L1 distance of the histogram of predicted classes from the intended one.",
        0.0,
        1.0,
    ),
    "ms_ssim": _Entry(
        "Within-class MS-SSIM",
        -1,
        "Similarity of random pairs of one class; compare with the value of real images: above it, "
        "images of a class resemble each other too much.",
        -1.0,
        1.0,
    ),
    "diversity": _Entry(
        "Within-class diversity",
        1,
        "Mean distance of features of random pairs of one class; compare with real images.",
        0.0,
    ),
    "parzen": _Entry(
        "Parzen log-likelihood",
        1,
        "Mean log-likelihood of test images under a kernel density estimate of samples, in nats. "
        "A legacy number: rewards k-means centroids over real images.",
    ),
    "modes": _Entry(
        "Modes covered", 1, "Number of modes with at least one high-quality sample.", 0.0
    ),
    "high_quality": _Entry(
        "High-quality share",
        1,
        "Share of samples within three standard deviations of a mode; 0.9889 for a perfect sampler "
        "in two dimensions.",
        0.0,
        1.0,
    ),
    "reverse_kl": _Entry(
        "Reverse KL over modes",
        -1,
        "Divergence of the samples' histogram over modes from the true one, in nats.",
        0.0,
    ),
    "duplicates": _Entry(
        "Duplicates", -1, "Share of generated images that repeat another one.", 0.0, 1.0
    ),
    "memorisation": _Entry(
        "Memorisation ratio",
        0,
        "Nearest-neighbour distance of generated images to training images over that of held-out "
        "images; far below 1 means copies.",
        0.0,
    ),
    "discriminator_accuracy": _Entry(
        "Discriminator accuracy",
        0,
        "Share of images on the right side of the loss's own undecided score.",
        0.0,
        1.0,
    ),
    "gradient_norm": _Entry(
        "Gradient norm",
        0,
        "Euclidean norm of the gradient over all parameters. Towards 0 for the generator, learning "
        "stalls: the vanishing gradient of a saturated discriminator.",
        0.0,
    ),
    "score": _Entry(
        "Mean raw score",
        0,
        "Mean of the discriminator's raw, unbounded scores; scales differ between losses.",
    ),
}
_ALIASES = {
    "accuracy": "label_accuracy",
    "intra_fid": "intra_class_fid",
    "class_histogram_kl": "class_kl",
    "class_histogram_tv": "class_tv",
    "class_total_variation": "class_tv",
    "modes_covered": "modes",
    "high_quality_share": "high_quality",
    "inception": "inception_score",
    "parzen_log_likelihood": "parzen",
}
_EXTRACTORS = {
    "mnistcnn": "MNIST classifier features",
    "fashioncnn": "Fashion-MNIST classifier features",
    "pixels": "pixels",
    "pca": "principal components of pixels",
    "random": "random network features",
}
_SIZE = re.compile(r"\d+k?")
_ROLES = {"generator": "Generator", "discriminator": "Discriminator"}
_PARTS = {"loss": "total loss", "generation": "adversarial loss", "auxiliary": "class loss"}
_LOSS_MEANING = (
    "A loss is comparable between runs of one variant only: another variant minimises another "
    "function."
)


def quantity(name: str) -> Quantity:
    """Describe a metric or a history column by its name alone.

    >>> quantity("fid_mnistcnn_test_10k").detail
    'MNIST classifier features, test split, 10k samples'
    >>> quantity("generator_test_auxiliary").title
    'Generator class loss, test split'
    """
    if name in _AXES:
        return Quantity(name, _AXES[name], "", 0, "", rank=2000)
    tokens = name.split("_")
    if len(tokens) == 3 and tokens[0] in _ROLES and tokens[2] in _PARTS:
        title = f"{_ROLES[tokens[0]]} {_PARTS[tokens[2]]}, {tokens[1]} split"
        return Quantity(name, title, "", 0, _LOSS_MEANING, rank=1000)
    qualifiers = []
    while tokens and tokens[0] in ("best", "last", "ema"):
        qualifiers.append(tokens.pop(0))
    for length in range(len(tokens), 0, -1):
        key = "_".join(tokens[:length])
        key = _ALIASES.get(key, key)
        if key in _METRICS:
            return _known(name, key, tokens[length:], qualifiers)
    return Quantity(name, name.replace("_", " "), "", 0, "Not in this report's catalogue.")


def _known(name: str, key: str, rest: list[str], qualifiers: list[str]) -> Quantity:
    entry = _METRICS[key]
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
            words.append(_EXTRACTORS.get(token, token))
    place = list(_METRICS).index(key)
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
