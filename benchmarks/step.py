"""A training step of the AC-GAN against its plain form: same work, one process, interleaved.

``make bench``, or ``python -m benchmarks.step [model=acgan_small|acgan] [rounds=N]``.  The plain
form is what a user would write with torch's own layers (nearest upsampling and a 5x5 convolution,
LeakyReLU and Dropout) with the same parameters and recipe; both run in the same process with the
same allocator settings.  Prints the medians and the median of the paired ratios.
"""

import statistics
import sys
import time
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_zoo.allocator import keep_freed_memory
from gan_zoo.data.mnist import load_mnist
from gan_zoo.experiment import Parts, build_trainer
from gan_zoo.losses.bce import Bce
from gan_zoo.models.acgan import Discriminator, Generator
from gan_zoo.models.latents import Uniform, UniformLabels
from gan_zoo.models.layers import LeakyDropout, UpsampleConv2d
from gan_zoo.regularizers.none import Unregularized
from gan_zoo.settings import AuxiliarySettings, EvaluationSettings, TrainerSettings
from gan_zoo.trainer import Trainer

WIDTHS = {"acgan_small": 0.125, "acgan": 1.0}
WARM_UP = 2


def plain_upsample(layer: UpsampleConv2d, images: Tensor) -> Tensor:
    """What ``UpsampleConv2d`` computes, as its definition says."""
    up = functional.interpolate(images, scale_factor=2)
    return functional.conv2d(up, layer.weight, layer.bias, padding=2)


def plain_dropout(layer: LeakyDropout, images: Tensor) -> Tensor:
    """What ``LeakyDropout`` computes, with torch's two layers."""
    active = functional.leaky_relu(images, layer.slope)
    return functional.dropout(active, 1 - layer.kept / 2**16, layer.training)


def make_plain(network: nn.Module) -> None:
    """Give every fast layer of the network its plain form."""
    for module in network.modules():
        if isinstance(module, UpsampleConv2d):
            module.forward = partial(plain_upsample, module)  # type: ignore[method-assign]
        if isinstance(module, LeakyDropout):
            module.forward = partial(plain_dropout, module)  # type: ignore[method-assign]


def trainer(width: float, *, plain: bool) -> Trainer:
    """The default recipe at a width."""
    adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))
    built = build_trainer(
        Parts(
            dataset=load_mnist(),
            generator=partial(Generator, width=width),
            discriminator=partial(Discriminator, width=width),
            loss=Bce(),
            regularizer=Unregularized(),
            optimizers=(adam, adam),
            latents=Uniform(),
            labels=UniformLabels(),
            extractor=None,
            trainer=TrainerSettings(),
            aux=AuxiliarySettings(),
            evaluation=EvaluationSettings(),
            seed=0,
            device=torch.device("cpu"),
        )
    )
    if plain:
        make_plain(built.generator)
        make_plain(built.discriminator)
    return built


def seconds_of(step: Trainer) -> float:
    """Wall-clock seconds of one step."""
    began = time.perf_counter()
    step.step()
    return time.perf_counter() - began


def main(arguments: list[str]) -> None:
    """Measure and print."""
    options = dict(argument.split("=", 1) for argument in arguments)
    models = [options["model"]] if "model" in options else list(WIDTHS)
    keep_freed_memory()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, fp32, batch 100")
    for model in models:
        rounds = int(options.get("rounds", "30" if model == "acgan_small" else "5"))
        ours, plain = (trainer(WIDTHS[model], plain=flag) for flag in (False, True))
        pairs = [(seconds_of(ours), seconds_of(plain)) for _ in range(rounds + WARM_UP)][WARM_UP:]
        ratios = sorted(slow / fast for fast, slow in pairs)
        fast, slow = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
        print(
            f"{model}: gan_zoo {fast:.0f} ms, plain form {slow:.0f} ms, ratio"
            f" {statistics.median(ratios):.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f},"
            f" {rounds} pairs)"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
