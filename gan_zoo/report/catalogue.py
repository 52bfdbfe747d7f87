"""The quantities that the report knows: title, direction, meaning, domain.

Their order is the order in which they are shown; the summary speaks of the first ones.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A quantity without its protocol."""

    title: str
    better: int
    meaning: str
    low: float = -math.inf
    high: float = math.inf


METRICS: dict[str, Entry] = {
    "fid": Entry(
        "Fréchet distance (FID)",
        -1,
        "Fréchet distance between Gaussians fitted to the features of real and generated images; "
        "0 for equal means and covariances. Comes with a bias that depends on the sample size.",
        0.0,
    ),
    "label_accuracy": Entry(
        "Label accuracy",
        1,
        "Share of generated images that an independent classifier assigns to the label they were "
        "generated for. Sees recognisability, not diversity.",
        0.0,
        1.0,
    ),
    "precision": Entry(
        "Precision",
        1,
        "Share of generated images inside the manifold of real ones (k nearest neighbours): "
        "fidelity.",
        0.0,
        1.0,
    ),
    "recall": Entry(
        "Recall",
        1,
        "Share of real images inside the manifold of generated ones: diversity.",
        0.0,
        1.0,
    ),
    "density": Entry(
        "Density",
        1,
        "Number of real neighbourhoods that hold a generated image, over its expectation: "
        "fidelity, robust to outliers; about 1 for real data.",
        0.0,
    ),
    "coverage": Entry(
        "Coverage",
        1,
        "Share of real images whose neighbourhood holds a generated one: diversity.",
        0.0,
        1.0,
    ),
    "kid": Entry(
        "Kernel distance (KID)",
        -1,
        "Squared maximum mean discrepancy of features under a cubic kernel, unbiased: may be "
        "slightly negative.",
    ),
    "intra_class_fid": Entry(
        "Intra-class FID",
        -1,
        "Fréchet distance within each class, averaged over classes: fidelity and diversity given "
        "the label.",
        0.0,
    ),
    "inception_score": Entry(
        "Inception-score analogue",
        1,
        "exp of the mean divergence of predicted class probabilities from their marginal, with the "
        "named classifier; at most the number of classes.",
        1.0,
    ),
    "gan_train": Entry(
        "GAN-train accuracy",
        1,
        "Test accuracy on real images of a classifier trained on generated ones: fidelity and "
        "diversity.",
        0.0,
        1.0,
    ),
    "gan_test": Entry(
        "GAN-test accuracy",
        1,
        "Accuracy on generated images of a classifier trained on real ones: fidelity.",
        0.0,
        1.0,
    ),
    "class_kl": Entry(
        "Class-histogram KL",
        -1,
        "Divergence of the histogram of predicted classes from the intended one, in nats.",
        0.0,
    ),
    "class_tv": Entry(
        "Class-histogram total variation",
        -1,
        "Half the L1 distance of the histogram of predicted classes from the intended one.",
        0.0,
        1.0,
    ),
    "ms_ssim": Entry(
        "Within-class MS-SSIM",
        -1,
        "Similarity of random pairs of one class; compare with the value of real images: above it, "
        "images of a class resemble each other too much.",
        -1.0,
        1.0,
    ),
    "diversity": Entry(
        "Within-class diversity",
        1,
        "Mean distance of features of random pairs of one class; compare with real images.",
        0.0,
    ),
    "parzen": Entry(
        "Parzen log-likelihood",
        1,
        "Mean log-likelihood of test images under a kernel density estimate of samples, in nats. "
        "A legacy number: rewards k-means centroids over real images.",
    ),
    "modes": Entry(
        "Modes covered", 1, "Number of modes with at least one high-quality sample.", 0.0
    ),
    "high_quality": Entry(
        "High-quality share",
        1,
        "Share of samples within three standard deviations of a mode; 0.9889 for a perfect sampler "
        "in two dimensions.",
        0.0,
        1.0,
    ),
    "reverse_kl": Entry(
        "Reverse KL over modes",
        -1,
        "Divergence of the samples' histogram over modes from the true one, in nats.",
        0.0,
    ),
    "duplicates": Entry(
        "Duplicates", -1, "Share of generated images that repeat another one.", 0.0, 1.0
    ),
    "memorisation": Entry(
        "Memorisation ratio",
        0,
        "Nearest-neighbour distance of generated images to training images over that of held-out "
        "images; far below 1 means copies.",
        0.0,
    ),
    "discriminator_accuracy": Entry(
        "Discriminator accuracy",
        0,
        "Share of images on the right side of the loss's own undecided score.",
        0.0,
        1.0,
    ),
    "gradient_norm": Entry(
        "Gradient norm",
        0,
        "Euclidean norm of the gradient over all parameters. Towards 0 for the generator, learning "
        "stalls: the vanishing gradient of a saturated discriminator.",
        0.0,
    ),
    "score": Entry(
        "Mean raw score",
        0,
        "Mean of the discriminator's raw, unbounded scores; scales differ between losses.",
    ),
}
ALIASES = {
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
EXTRACTORS = {
    "mnistcnn": "MNIST classifier features",
    "fashioncnn": "Fashion-MNIST classifier features",
    "pixels": "pixels",
    "pca": "principal components of pixels",
    "random": "random network features",
}
