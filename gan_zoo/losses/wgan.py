"""The Wasserstein GAN's loss; a constraint or a penalty must keep the critic Lipschitz."""

from dataclasses import dataclass

from torch import Tensor

from gan_zoo.losses.base import Loss, as_pair, as_scores


@dataclass(frozen=True)
class Wgan(Loss):
    """The negative of the dual of the Wasserstein-1 distance.

        L_D = mean f - mean r
        L_G = -mean f

    If D is K-Lipschitz, -L_D <= K W1(P, Q).  The loss itself enforces nothing: combine it with
    weight clipping (WGAN), a gradient penalty (WGAN-GP, -LP, -div) or spectral normalisation.

    Shapes: real r (N,), fake f (N,) raw scores -> 0-dim, in units of the score.

    Raises:
        ValueError: the scores' shapes are wrong.

    Source: Arjovsky, Chintala, Bottou 2017 (arXiv 1701.07875), algorithm 1.
    """

    needs_lipschitz = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the mean fake score minus the mean real score."""
        real, fake = as_pair(real, fake)
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return minus the mean fake score."""
        return -as_scores(fake).mean()
