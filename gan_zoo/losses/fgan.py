"""f-GAN: the variational bound of any f-divergence as an adversarial loss."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.divergences import Divergence
from gan_zoo.losses.scores import as_pair, as_scores

GENERATORS = ("saturating", "practical")


@dataclass(frozen=True, init=False)
class FGan:
    """D maximises the lower bound E_P[T] - E_Q[f*(T)] <= D_f(P||Q), T = g_f(score).

        L_D = mean f*(g_f(f)) - mean g_f(r)
        L_G = -mean f*(g_f(f))      saturating: the bound itself
        L_G = -mean g_f(f)          practical: section 3.2

    -L_D is the estimate of the divergence.  The practical G has strong gradients on samples that D
    rejects; for reverse KL, Neyman and Hellinger they grow as exp(-score), so prefer the saturating
    one or clip gradients there.

    Args:
        divergence: one of ``gan_zoo.losses.divergences`` or ``alpha_divergence``.
        generator: ``saturating`` or ``practical``.

    Shapes: real r (N,), fake f (N,) raw scores, no activation -> 0-dim, nats or chi^2 units.

    Raises:
        ValueError: generator is neither of the two, or the scores' shapes are wrong.

    Source: Nowozin, Cseke, Tomioka 2016 (arXiv 1606.00709), sections 2.2 to 2.4 and 3.2.
    """

    needs_real_in_generator_step: ClassVar[bool] = False
    needs_lipschitz: ClassVar[bool] = False
    divergence: Divergence
    generator_objective: str

    def __init__(self, divergence: Divergence, generator: str = "practical") -> None:
        # Written out because the option and the method that follows it share the name "generator".
        if generator not in GENERATORS:
            raise ValueError(f"loss.generator is {generator!r}; allowed: {' or '.join(GENERATORS)}")
        object.__setattr__(self, "divergence", divergence)
        object.__setattr__(self, "generator_objective", generator)

    @property
    def real_threshold(self) -> float:
        """The score with T = f'(1), optimal where p = q."""
        return self.divergence.threshold

    @property
    def divergence_range(self) -> tuple[float, float]:
        """The least and the largest value of the divergence that -L_D estimates from below."""
        return self.divergence.range

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Minus the variational bound."""
        real, fake = as_pair(real, fake)
        return self.divergence.conjugate(fake).mean() - self.divergence.activation(real).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The bound's second term, or section 3.2's substitute."""
        scores = as_scores(fake)
        if self.generator_objective == "saturating":
            return -self.divergence.conjugate(scores).mean()
        return -self.divergence.activation(scores).mean()
