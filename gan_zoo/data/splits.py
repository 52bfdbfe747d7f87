"""How every data set is split."""

from torch import Tensor

from gan_zoo.types import Dataset, Split

VALIDATION_SHARE = 6  # one in six: 10,000 of MNIST's 60,000


def hold_out(name: str, num_classes: int, training: Split, test: Split) -> Dataset:
    """A data set whose validation part is the last sixth (rounded down) of its training samples.

    The test part is only for final numbers, so what selects models must come from training.
    """
    count = len(training.labels)
    kept = count - count // VALIDATION_SHARE
    return Dataset(
        name=name,
        num_classes=num_classes,
        train=_part(training, slice(0, kept)),
        validation=_part(training, slice(kept, count)),
        test=test,
    )


def _part(split: Split, part: slice) -> Split:
    images: Tensor = split.images[part]
    labels: Tensor = split.labels[part]
    return Split(images, labels)
