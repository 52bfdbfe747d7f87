"""The losses of both networks: adversarial loss, class loss and regularizer of a variant."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy

from gan_zoo.config.schema import AuxiliarySettings
from gan_zoo.types import AdversarialLoss, CriticOutput, Regularizer


@dataclass
class Objective:
    """Adversarial loss, regularizer and class loss of a variant."""

    loss: AdversarialLoss
    regularizer: Regularizer
    aux: AuxiliarySettings

    def discriminator(
        self, real: CriticOutput, fake: CriticOutput, real_labels: Tensor, fake_labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return D's adversarial loss and class loss: CE(real), plus CE(fake) if ``on_fake``."""
        auxiliary = cross_entropy(real.class_logits.float(), real_labels)
        if self.aux.on_fake:
            auxiliary = auxiliary + cross_entropy(fake.class_logits.float(), fake_labels)
        return self.loss.discriminator(real.scores.float(), fake.scores.float()), auxiliary

    def generator(
        self, fake: CriticOutput, real: CriticOutput | None, fake_labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return G's adversarial loss and class loss."""
        real_scores = None if real is None else real.scores.float()
        adversarial = self.loss.generator(fake.scores.float(), real_scores)
        return adversarial, cross_entropy(fake.class_logits.float(), fake_labels)
