"""Has a generator collapsed into one image, or into one class?"""

from typing import NamedTuple

from torch import Tensor

CONSTANT = 0.01  # of the real data's spread; below, samples are taken to be all the same


class Collapse(NamedTuple):
    """What has collapsed: ``spread`` or ``classes``, and the value that says so."""

    quantity: str
    value: float

    def __str__(self) -> str:
        if self.quantity == "spread":
            return f"all samples are the same: their spread is {self.value:.2g} of the real data's"
        return "all samples are of one class, whatever class is asked for"


def collapses(fake: Tensor, real: Tensor, predicted: Tensor | None) -> list[Collapse]:
    """The signs of collapse that samples show; none for samples that are as they should be.

    The spread is the largest standard deviation of any pixel or coordinate. Data that are a single
    point (the Dirac-GAN's) have none, and nothing to collapse from.

    Args:
        fake: (N, ...) samples of all classes.
        real: (M, ...) of the same shape.
        predicted: (N,) classes that a classifier takes the samples for; None if there is none.
    """
    found = []
    of_fake, of_real = _spread(fake), _spread(real)
    if of_fake < CONSTANT * of_real:
        found.append(Collapse("spread", of_fake / of_real))
    if predicted is not None and len(predicted.unique()) == 1:
        found.append(Collapse("classes", 1.0))
    return found


def _spread(samples: Tensor) -> float:
    return samples.flatten(1).double().std(0, correction=0).max().item()
