"""(c): the ACGAN script style of PyTorch-GAN against gan_zoo's trainer on the same networks."""

from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor, nn
from torch.nn.functional import pad

from benchmarks.script_acgan import BATCH, SIDE, Generator, Script, Trunk
from benchmarks.step import comparison, fp32
from benchmarks.subjects import parts
from benchmarks.timing import Section, interleaved, seconds_of
from gan_zoo.data.batches import normalise
from gan_zoo.training.build import build_trainer
from gan_zoo.types import CriticOutput, Split

ROUNDS = 40


class Critic(Trunk):
    """The script's D as gan_zoo's trainer calls it."""

    def forward(self, images: Tensor) -> CriticOutput:  # type: ignore[override]
        return CriticOutput(*super().forward(images))

    def adversarial_parameters(self) -> Iterator[nn.Parameter]:
        """Trunk and score head."""
        yield from self.layers.parameters()
        yield from self.score.parameters()


def peers() -> list[Section]:
    """Both loops on the same networks, images and batch, in turn."""
    whole = parts(*fp32(), f"trainer.batch_size={BATCH}", f"trainer.generator_batch_size={BATCH}")
    margin = (SIDE - 28) // 2

    def padded(split: Split) -> Split:
        return split._replace(images=pad(split.images, (margin,) * 4))

    dataset = whole.dataset._replace(
        train=padded(whole.dataset.train),
        validation=padded(whole.dataset.validation),
        test=padded(whole.dataset.test),
    )
    ours = build_trainer(
        replace(
            whole,
            dataset=dataset,
            generator=lambda **_: Generator(),
            discriminator=lambda **_: Critic(),
        )
    )
    script = Script(normalise(dataset.train.images), dataset.train.labels)
    cases = {"script": script.step, "gan_zoo fp32": ours.step}
    found = interleaved(
        {name: lambda work=work: seconds_of(work) for name, work in cases.items()}, ROUNDS
    )
    text = (
        f"The networks and batch ({BATCH}) of the public script, its own loop (written anew)"
        f" against gan_zoo's trainer with the same two networks; {ROUNDS} rounds. The script's G"
        " step lends its samples to D's step and so saves a forward pass of G, at the price that"
        " both see the same latents."
    )
    title = "(c) The ACGAN script of PyTorch-GAN against gan_zoo on the script's networks"
    return [Section(title, text, comparison(found, "script"))]
