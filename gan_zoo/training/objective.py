"""The losses of both networks: adversarial loss, class loss and regularizer of a variant."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn
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


def split(output: CriticOutput, count: int) -> tuple[CriticOutput, CriticOutput]:
    """Return the outputs of the first ``count`` samples, and those of the others."""
    sizes = [count, len(output.scores) - count]
    scores, class_logits = output.scores.split(sizes), output.class_logits.split(sizes)
    return CriticOutput(scores[0], class_logits[0]), CriticOutput(scores[1], class_logits[1])


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Compute no gradients of a network's parameters in the block."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
