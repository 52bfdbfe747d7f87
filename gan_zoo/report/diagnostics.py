"""History columns that the report knows: what training looks like from inside, and the losses."""

from gan_zoo.evaluation.metrics.registry import Description

# The name's remainder ("real", "generator", ...) is added to the title.
DIAGNOSTICS: dict[str, Description] = {
    "gradient_norm": Description(
        "Gradient norm",
        0,
        "Euclidean norm of the gradient over all parameters. Near 0 for the generator, learning "
        "stalls: the vanishing gradient of a saturated discriminator.",
        0.0,
        unit="loss over parameter",
    ),
    "discriminator_accuracy": Description(
        "Discriminator accuracy",
        0,
        "Share of images on the right side of the loss's own undecided score. At 0.5 the "
        "discriminator sees no difference, at 1 it cannot be fooled.",
        0.0,
        1.0,
        "share, 0 to 1",
    ),
    "score_gap": Description(
        "Score gap, real minus fake",
        0,
        "Difference of the mean raw scores of real and generated images; scales differ between "
        "losses.",
        unit="raw score",
    ),
    "score": Description(
        "Mean raw score",
        0,
        "Mean of the discriminator's raw, unbounded scores; scales differ between losses.",
        unit="raw score",
    ),
    "update_ratio": Description(
        "Update-to-weight ratio",
        0,
        "Norm of an update over the norm of the weights it changes; about 0.001 is common. Far "
        "below, a network stands still; far above, it jumps.",
        0.0,
        unit="ratio of norms",
    ),
    "critic_lipschitz": Description(
        "Lipschitz estimate of the discriminator",
        0,
        "Largest slope of the raw score found between samples: a lower bound of the "
        "Lipschitz constant, which WGAN's critic must keep at some K.",
        0.0,
        unit="score over distance of images",
    ),
    "estimated_divergence": Description(
        "Estimated divergence",
        0,
        "Value of the variational bound that the discriminator maximises, if the loss has one: in "
        "expectation a lower bound of its divergence, to be compared with that divergence's own "
        "range. Below the range, the discriminator is not optimal or does not generalise.",
        unit="of the divergence",
    ),
}
PLACES = {
    "real": "real images",
    "fake": "generated images",
    "generator": "generator",
    "discriminator": "discriminator",
}
# what the picture of the vanishing gradient is made of
GRADIENT = (
    "gradient_norm_generator",
    "discriminator_accuracy_real",
    "discriminator_accuracy_fake",
)
DIVERGENCE = "estimated_divergence"  # drawn with the range that the loss's divergence has
LOGARITHMIC = ("gradient_norm", "update_ratio")  # drawn on a logarithmic axis unless asked
ROLES = {"generator": "Generator", "discriminator": "Discriminator"}
PARTS = {
    "loss": "total loss",
    "generation": "adversarial loss",
    "auxiliary": "class loss",
    "penalty": "penalty",
}
# "test" is the validation split unless evaluation.loss_split says otherwise: call it held out.
IMAGES = {"train": "training images", "test": "held-out images"}
LOSS_MEANING = (
    "A loss is comparable between runs of one variant only: another variant minimises another "
    "function."
)
