"""The relativistic GANs: is this sample more realistic than one, or the average, of the other kind?

Only differences of scores matter: see ``Loss.real_threshold``.

Source: Jolicoeur-Martineau 2018 (arXiv 1807.00734).
"""

from dataclasses import dataclass

from torch import Tensor

from gan_zoo.losses.base import Loss, as_pair, as_relativistic_pair
from gan_zoo.losses.elementwise import softplus


class _Relativistic(Loss):
    """L_D = l(r, f), L_G = l(f, r): D wants the first above the second, G the reverse."""

    needs_real_in_generator_step = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return l(r, f), small where reals are above fakes."""
        return self._first_above_second(*as_pair(real, fake))

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return l(f, r), small where fakes are above reals."""
        real, fake = as_relativistic_pair(real, fake)
        return self._first_above_second(fake, real)

    def _first_above_second(self, first: Tensor, second: Tensor) -> Tensor:
        raise NotImplementedError


@dataclass(frozen=True)
class RsGan(_Relativistic):
    """Sigmoid cross-entropy of the difference between paired scores.

    With s = softplus, sample i of the reals paired with sample i of the fakes:

        L_D = mean s(-(r - f))
        L_G = mean s(-(f - r))

    R3GAN is this loss with the R1 and R2 penalties.

    Shapes: real r (N,), fake f (N,) raw scores -> 0-dim, nats.

    Raises:
        ValueError: the scores' shapes are wrong, or G's step lacks the real scores.

    Source: Jolicoeur-Martineau 2018 (arXiv 1807.00734), RSGAN.
    """

    def _first_above_second(self, first: Tensor, second: Tensor) -> Tensor:
        return softplus(second - first).mean()


@dataclass(frozen=True)
class RaSGan(_Relativistic):
    """Sigmoid cross-entropy of each score's distance from the mean score of the other kind.

    With s = softplus, means over the batch, through which gradients flow:

        L_D = 1/2 mean s(-(r - mean f)) + 1/2 mean s(f - mean r)
        L_G = 1/2 mean s(r - mean f) + 1/2 mean s(-(f - mean r))

    Shapes: real r (N,), fake f (N,) raw scores -> 0-dim, nats.

    Raises:
        ValueError: the scores' shapes are wrong, or G's step lacks the real scores.

    Source: Jolicoeur-Martineau 2018 (arXiv 1807.00734), RaSGAN; halved as in the author's code.
    """

    def _first_above_second(self, first: Tensor, second: Tensor) -> Tensor:
        return (softplus(second.mean() - first).mean() + softplus(second - first.mean()).mean()) / 2


@dataclass(frozen=True)
class RaLsGan(_Relativistic):
    """Least squares: each score 1 away from the mean score of the other kind.

        L_D = 1/2 mean (r - mean f - 1)^2 + 1/2 mean (f - mean r + 1)^2
        L_G = 1/2 mean (f - mean r - 1)^2 + 1/2 mean (r - mean f + 1)^2

    Means over the batch, through which gradients flow.

    Shapes: real r (N,), fake f (N,) raw scores -> 0-dim, squared units of the score.

    Raises:
        ValueError: the scores' shapes are wrong, or G's step lacks the real scores.

    Source: Jolicoeur-Martineau 2018 (arXiv 1807.00734), RaLSGAN; halved as in the author's code.
    """

    def _first_above_second(self, first: Tensor, second: Tensor) -> Tensor:
        above = (first - second.mean() - 1).square().mean()
        below = (second - first.mean() + 1).square().mean()
        return (above + below) / 2


@dataclass(frozen=True)
class RaHinge(_Relativistic):
    """Hinge: each score at least 1 away from the mean score of the other kind.

        L_D = 1/2 mean max(0, 1 - (r - mean f)) + 1/2 mean max(0, 1 + (f - mean r))
        L_G = 1/2 mean max(0, 1 - (f - mean r)) + 1/2 mean max(0, 1 + (r - mean f))

    Means over the batch, through which gradients flow.

    Shapes: real r (N,), fake f (N,) raw scores -> 0-dim, in units of the margin.

    Raises:
        ValueError: the scores' shapes are wrong, or G's step lacks the real scores.

    Source: Jolicoeur-Martineau 2018 (arXiv 1807.00734), RaHingeGAN; halved as in the author's code.
    """

    def _first_above_second(self, first: Tensor, second: Tensor) -> Tensor:
        above = (1 - (first - second.mean())).relu().mean()
        below = (1 + (second - first.mean())).relu().mean()
        return (above + below) / 2
