"""Checks for a loss, regularizer, metric, network or data set of your own: one line each.

``check_loss(Mine())`` checks every contract that gan_zoo's own losses satisfy, and raises an
``AssertionError`` that names the broken contract and the numbers that break it.  It shows that an
object fits its place, not that it is the one you meant: test your formula beside it.
"""

from gan_zoo.testing.data import check_data
from gan_zoo.testing.losses import check_loss
from gan_zoo.testing.metrics import check_metric
from gan_zoo.testing.models import check_discriminator, check_generator
from gan_zoo.testing.regularizers import check_regularizer

__all__ = [
    "check_data",
    "check_discriminator",
    "check_generator",
    "check_loss",
    "check_metric",
    "check_regularizer",
]
