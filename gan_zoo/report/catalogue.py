"""The final metrics that the report knows: title, direction, meaning, unit, domain.

Their order is the order in which they are shown; the summary speaks of the first ones.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A quantity without its protocol."""

    title: str
    better: int  # +1 higher, -1 lower, 0: neither, compare with the value of real data
    meaning: str
    low: float = -math.inf
    high: float = math.inf
    unit: str = ""


_SQUARED = "squared distance in feature space"
_DISTANCE = "distance in feature space"
_SHARE = "share, 0 to 1"

METRICS: dict[str, Entry] = {
    "fid": Entry(
        "Fréchet distance (FID)",
        -1,
        "Fréchet distance between Gaussians fitted to the features of real and generated images; "
        "0 for equal means and covariances. Comes with a bias that depends on the sample size.",
        0.0,
        unit=_SQUARED,
    ),
    "label_accuracy": Entry(
        "Label accuracy",
        1,
        "Share of generated images that an independent classifier assigns to the label they were "
        "generated for. Sees recognisability, not diversity.",
        0.0,
        1.0,
        _SHARE,
    ),
    "precision": Entry(
        "Precision",
        1,
        "Share of generated images inside the manifold of real ones (k nearest neighbours): "
        "fidelity.",
        0.0,
        1.0,
        _SHARE,
    ),
    "recall": Entry(
        "Recall",
        1,
        "Share of real images inside the manifold of generated ones: diversity.",
        0.0,
        1.0,
        _SHARE,
    ),
    "density": Entry(
        "Density",
        1,
        "Number of real neighbourhoods that hold a generated image, over its expectation: "
        "fidelity, robust to outliers; about 1 for real data.",
        0.0,
        unit="multiples of the expected number",
    ),
    "coverage": Entry(
        "Coverage",
        1,
        "Share of real images whose neighbourhood holds a generated one: diversity.",
        0.0,
        1.0,
        _SHARE,
    ),
    "kid": Entry(
        "Kernel distance (KID)",
        -1,
        "Squared maximum mean discrepancy of features under a cubic kernel, unbiased: may be "
        "slightly negative.",
        unit="squared discrepancy under the kernel",
    ),
    "intra_class_fid": Entry(
        "Intra-class FID",
        -1,
        "Fréchet distance within each class, averaged over classes: fidelity and diversity given "
        "the label.",
        0.0,
        unit=_SQUARED,
    ),
    "inception_score": Entry(
        "Inception-score analogue",
        1,
        "exp of the mean divergence of predicted class probabilities from their marginal, with the "
        "named classifier; sees no difference between images of one class.",
        1.0,
        unit="effective number of classes, at most that of the classifier",
    ),
    "gan_train": Entry(
        "GAN-train accuracy",
        1,
        "Test accuracy on real images of a classifier trained on generated ones: fidelity and "
        "diversity.",
        0.0,
        1.0,
        _SHARE,
    ),
    "gan_test": Entry(
        "GAN-test accuracy",
        1,
        "Accuracy on generated images of a classifier trained on real ones: fidelity.",
        0.0,
        1.0,
        _SHARE,
    ),
    "class_kl": Entry(
        "Class-histogram KL",
        -1,
        "Divergence of the histogram of predicted classes from the intended one.",
        0.0,
        unit="nats",
    ),
    "class_tv": Entry(
        "Class-histogram total variation",
        -1,
        "Half the L1 distance of the histogram of predicted classes from the intended one.",
        0.0,
        1.0,
        _SHARE,
    ),
    "ms_ssim": Entry(
        "Within-class MS-SSIM",
        0,
        "Mean similarity of random pairs of one class. Above the value of real images, images of "
        "a class resemble each other too much; far below it they are noise.",
        -1.0,
        1.0,
        "similarity, 1 for equal images",
    ),
    "diversity": Entry(
        "Within-class diversity",
        0,
        "Mean distance of pairs of one class. Below the value of real images, a class is too "
        "uniform; far above it, noise.",
        0.0,
        unit=_DISTANCE,
    ),
    "memorisation": Entry(
        "Memorisation ratio",
        0,
        "Median distance to the nearest training image, generated images over held-out ones: 1 "
        "for new images as good as real; far below 1: copies; far above: off the data.",
        0.0,
        unit="ratio of distances",
    ),
    "near_training_share": Entry(
        "Share near training images",
        0,
        "Share of generated images nearer to a training image than all but 1% of held-out ones: "
        "0.01 is expected, far more means copies.",
        0.0,
        1.0,
        _SHARE,
    ),
    "duplicates_exact": Entry(
        "Exact duplicates",
        -1,
        "Share of generated images that equal another generated one.",
        0.0,
        1.0,
        _SHARE,
    ),
    "duplicates_near": Entry(
        "Near duplicates",
        0,
        "Share of generated images nearer to another one than all but 1% of as many real images: "
        "0.01 is expected, far more means repetition.",
        0.0,
        1.0,
        _SHARE,
    ),
    "parzen": Entry(
        "Parzen log-likelihood",
        1,
        "Mean log-likelihood of test images under a kernel density estimate of samples. A legacy "
        "number: rewards cluster centres over real images.",
        unit="nats",
    ),
    "modes": Entry(
        "Modes covered",
        1,
        "Modes with at least one high-quality sample, or classes that occur.",
        0.0,
        unit="number of modes",
    ),
    "high_quality": Entry(
        "High-quality share",
        1,
        "Share of samples within three standard deviations of a mode; 0.9889 for a perfect sampler "
        "in two dimensions.",
        0.0,
        1.0,
        _SHARE,
    ),
    "reverse_kl": Entry(
        "Reverse KL over modes",
        -1,
        "Divergence of the samples' histogram over modes from the true one.",
        0.0,
        unit="nats",
    ),
}
ALIASES = {
    "class_histogram_kl": "class_kl",
    "class_histogram_tv": "class_tv",
    "ms_ssim_3scale": "ms_ssim",
    "parzen_log_likelihood": "parzen",
    "modes_covered": "modes",
    "reverse_kl_modes": "reverse_kl",
}
EXTRACTORS = {
    "mnistcnn": "MNIST classifier features",
    "fashioncnn": "Fashion-MNIST classifier features",
    "pixels": "pixels",
    "pca": "principal components of pixels",
    "random": "random network features",
}
