"""One batch of another data set, again and again: what every sound network learns by heart."""

from gan_zoo.types import Dataset, Split


def one_batch(of: Dataset, images: int = 64, times: int = 100) -> Dataset:
    """Return a data set with its first training images, repeated; the other parts are unchanged.

    Args:
        of: the data set.
        images: how many of its training images to keep; as many as in a batch.
        times: how often each of them occurs, which makes an epoch longer.

    Raises:
        ValueError: If there are fewer training images than ``images``, or ``times`` is below 1.
    """
    count = len(of.train.labels)
    if not 1 <= images <= count:
        raise ValueError(f"data.images is {images}; allowed: 1 to {count:,} training images")
    if times < 1:
        raise ValueError(f"data.times must be at least 1, got {times}")
    kept = (tensor[:images] for tensor in of.train)
    return of._replace(train=Split(*(part.repeat(times, *[1] * (part.ndim - 1)) for part in kept)))
