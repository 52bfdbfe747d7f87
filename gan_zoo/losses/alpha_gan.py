"""The (alpha_D, alpha_G)-GAN: one tunable classification loss for each network."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.scores import as_pair, as_scores, softplus
from gan_zoo.losses.softlog import KNEE, compress_above

GENERATORS = ("saturating", "non_saturating")


@dataclass(frozen=True, init=False)
class AlphaGan:
    """Alpha-loss of a classifier, with one alpha for D and another for G.

    With l(v, a) = a / (a - 1) (1 - sigmoid(v)^((a - 1) / a)):

        L_D = mean l(r, alpha_d) + mean l(-f, alpha_d)
        L_G = mean l(f, alpha_g)      non_saturating: fakes with the label "real"
        L_G = -mean l(-f, alpha_g)      saturating: minus D's second term

    l is cross-entropy, s(-v) with s = softplus, at a = 1; exp(-v) (Hellinger) at a = 1/2; and
    sigmoid(-v) (total variation) at infinity. An alpha below 1 has large gradients on samples
    classified wrongly, one above 1 limits what they cost.

    For alpha below 1, l grows as exp((1/a - 1) s(-v)) and, where that would exceed e^30, as a
    straight line (``losses.softlog``), so that scores of 1e4 stay finite in float32.

    Args:
        alpha_d: of D's loss, above 0; infinity is allowed.
        alpha_g: of G's loss, above 0; infinity is allowed.
        generator: ``non_saturating`` or ``saturating``.

    Shapes: real r (N,), fake f (N,) raw scores (logits) -> 0-dim, nats at alpha = 1.

    Raises:
        ValueError: an alpha is below 0.05 or not a number, generator is neither of the two, or the
            scores' shapes are wrong.

    Source: Welfert, Kurri, Otstot, Sankar 2023 (arXiv 2302.14320), equations 8, 9 and 19; the
    alpha-loss: Sypherd et al. 2019 (arXiv 1906.02314).
    """

    needs_real_in_generator_step: ClassVar[bool] = False
    needs_lipschitz: ClassVar[bool] = False
    real_threshold: ClassVar[float] = 0.0  # l(v, a) + l(-v, a) is stationary there for any a
    alpha_d: float
    alpha_g: float
    generator_objective: str

    def __init__(
        self, alpha_d: float = 1.0, alpha_g: float = 1.0, generator: str = "non_saturating"
    ) -> None:
        # Written out because the option and the method share the name "generator".
        for name, alpha in (("alpha_d", alpha_d), ("alpha_g", alpha_g)):
            if not alpha >= 0.05:
                raise ValueError(
                    f"loss.{name} is {alpha}; allowed: from 0.05 (1 is cross-entropy) to .inf"
                )
        if generator not in GENERATORS:
            raise ValueError(f"loss.generator is {generator!r}; allowed: {' or '.join(GENERATORS)}")
        object.__setattr__(self, "alpha_d", alpha_d)
        object.__setattr__(self, "alpha_g", alpha_g)
        object.__setattr__(self, "generator_objective", generator)

    @property
    def divergence_range(self) -> tuple[float, float]:
        """The range of an Arimoto divergence minus 2 l(0, alpha_d), which -L_D estimates."""
        power = 1 - 1 / self.alpha_d
        at_zero = -math.expm1(-power * math.log(2)) / power if power else math.log(2)
        return -2 * at_zero, 0.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Alpha-loss of reals with the label "real" plus that of fakes with the label "fake"."""
        real, fake = as_pair(real, fake)
        return _alpha_loss(real, self.alpha_d).mean() + _alpha_loss(-fake, self.alpha_d).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Alpha-loss of fakes with the label "real", or minus that with the label "fake"."""
        fake = as_scores(fake)
        if self.generator_objective == "saturating":
            return -_alpha_loss(-fake, self.alpha_g).mean()
        return _alpha_loss(fake, self.alpha_g).mean()


def _alpha_loss(scores: Tensor, alpha: float) -> Tensor:
    """Return l(v, a) as -expm1(-k softplus(-v)) / k with k = 1 - 1/a: exact near a = 1 too."""
    power = 1 - 1 / alpha
    if power == 0:
        return softplus(-scores)
    exponent = -power * softplus(-scores)
    return -compress_above(exponent, KNEE).expm1() / power
