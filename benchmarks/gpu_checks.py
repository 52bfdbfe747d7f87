"""Is a GPU right? Its numbers against the CPU's in float64, and its updates against each other.

Each check returns errors by name, which ``tests/gpu`` bounds and ``python -m benchmarks gpu
checks`` prints. ``device`` may be the CPU, so that the checks themselves are tested there.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.subjects import MODELS, parts
from gan_zoo.config.build import instantiate
from gan_zoo.config.compose import compose_config, config_folder
from gan_zoo.data.batches import to_device
from gan_zoo.data.devices import float32_products
from gan_zoo.evaluation.features.extractor import load_extractor
from gan_zoo.evaluation.reference import Reference
from gan_zoo.models import layers
from gan_zoo.regularizers import gradient_penalties
from gan_zoo.training.build import build_trainer
from gan_zoo.training.captured import Captured, CudaGraph
from gan_zoo.training.trainer import Trainer
from gan_zoo.types import Batch, CriticStep

Errors = dict[str, float]
# Relative errors of float32 that are rounding, of values and gradients, and of second derivatives.
FIRST, SECOND = 1e-5, 1e-4
LOSSES = sorted(path.stem for path in (config_folder() / "loss").glob("*.yaml"))
LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "SameConv2d": (lambda: layers.SameConv2d(8, 16, 3, stride=2), (6, 8, 14, 14)),
    "QuadConv2d": (lambda: layers.QuadConv2d(16, 1), (6, 16, 28, 28)),
    "ImageConv2d": (lambda: layers.ImageConv2d(1, 16), (6, 1, 28, 28)),
    "ImageConvTranspose2d": (lambda: layers.ImageConvTranspose2d(16, 1), (6, 16, 14, 14)),
    "UpsampleConv2d": (lambda: layers.UpsampleConv2d(8, 16), (6, 8, 14, 14)),
}
SMALL = ["trainer.batch_size=32", "trainer.generator_batch_size=32", "evaluation.extractor=none"]


def difference(found: Tensor, expected: Tensor) -> float:
    """||found - expected|| / ||expected||, in float64 on the CPU."""
    found, expected = (tensor.detach().cpu().double() for tensor in (found, expected))
    scale = torch.linalg.vector_norm(expected).clamp(min=1e-30)
    return float(torch.linalg.vector_norm(found - expected) / scale)


def losses(device: torch.device) -> Errors:
    """Value, gradient and second derivative of both networks' losses of every ``conf/loss``."""
    rng = torch.Generator().manual_seed(1)
    scores = torch.randn(2, 64, generator=rng, dtype=torch.float64) * 2
    errors: Errors = {}
    for name in LOSSES:
        loss = instantiate(compose_config([f"loss={name}"]).loss)
        for network in ("discriminator", "generator"):

            def derivatives(
                at: Tensor, loss: Any = loss, network: str = network
            ) -> tuple[Tensor, Tensor, Tensor]:
                at = at.detach().requires_grad_()
                real, fake = at.unbind()
                ours = network == "discriminator"
                value = loss.discriminator(real, fake) if ours else loss.generator(fake, real)
                (gradient,) = torch.autograd.grad(value, at, create_graph=True)
                if not gradient.requires_grad:  # of a linear loss
                    return value, gradient, torch.zeros_like(at)
                (second,) = torch.autograd.grad(gradient.square().sum(), at)
                return value, gradient, second

            expected = derivatives(scores.float().double())
            found = derivatives(scores.float().to(device))
            for order, pair in enumerate(zip(found, expected, strict=True)):
                kind = ("value", "gradient", "second derivative")[order]
                errors[f"{name}, {network}: {kind}"] = difference(*pair)
    return errors


def layer_forms(device: torch.device) -> Errors:
    """Values and gradients of the layers that have a form of their own on a device."""
    errors: Errors = {}
    for name, (make, shape) in LAYERS.items():
        torch.manual_seed(2)
        layer, images = make(), torch.randn(shape)
        expected = _forward_and_backward(copy.deepcopy(layer).double(), images.double())
        found = _forward_and_backward(layer.to(device), images.to(device))
        for kind, ours, theirs in zip(("values", "gradients"), found, expected, strict=True):
            errors[f"{name}: {kind}"] = difference(ours, theirs)
    return errors


def _forward_and_backward(layer: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    output = layer(images)
    output.square().mean().backward()
    return output, torch.cat([p.grad.flatten() for p in layer.parameters() if p.grad is not None])


def updates(device: torch.device) -> Errors:
    """Gradients of D's and G's loss at the same weights and inputs, and of R1, which has two."""
    errors: Errors = {}
    for model, words in MODELS.items():
        narrow = ["model.generator.width=0.25", "model.discriminator.width=0.25"]
        made = build_trainer(parts(*words, *SMALL, *narrow))
        batch, drawn = made.discriminator_batches.next(), made.draw(32, made.generator_rng)
        with torch.no_grad():
            fake = made.generator(*drawn)
        expected = _gradients(made, batch, drawn, fake, torch.device("cpu"), torch.float64)
        found = _gradients(made, batch, drawn, fake, device, torch.float32)
        for name, pair in zip(("D", "G", "D, R1"), zip(found, expected, strict=True), strict=True):
            errors[f"{model}: gradient of {name}"] = difference(*pair)
    return errors


def _gradients(
    trainer: Trainer,
    batch: Batch,
    drawn: tuple[Tensor, Tensor],
    fake: Tensor,
    device: torch.device,
    dtype: torch.dtype,
) -> Iterator[Tensor]:
    generator, discriminator = (
        copy.deepcopy(network).to(device, dtype)
        for network in (trainer.generator, trainer.discriminator)
    )
    for module in discriminator.modules():
        if isinstance(module, layers.LeakyDropout):
            module.kept = 2**16  # drops nothing
    images, fakes = (tensor.to(device, dtype).requires_grad_() for tensor in (batch.images, fake))
    labels, (z, fake_labels) = batch.labels.to(device), drawn
    z, fake_labels = z.to(device, dtype), fake_labels.to(device)
    on_real, on_fake = discriminator(images), discriminator(fakes)
    step = CriticStep(
        Batch(images, labels), Batch(fakes, fake_labels), on_real.scores, on_fake.scores,
        torch.Generator(device),
    )  # fmt: skip
    penalty = gradient_penalties.R1().penalty(discriminator, step)
    loss = sum(trainer.objective.discriminator(on_real, on_fake, labels, fake_labels))
    weights = list(discriminator.parameters())
    yield _flat(torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True))
    output = discriminator(generator(z, fake_labels))
    loss = sum(trainer.objective.generator(output, None, fake_labels))
    yield _flat(torch.autograd.grad(loss, list(generator.parameters()), allow_unused=True))
    yield _flat(torch.autograd.grad(penalty, weights, allow_unused=True))


def _flat(gradients: Any) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients if gradient is not None])


def graph_equals_eager(
    device: torch.device, words: list[str], steps: int = 12, graph: Any = CudaGraph
) -> list[str]:
    """Return the parts of the state that differ after updates as graphs and as they are."""
    states = []
    whole = parts(*SMALL, *words, f"device={device}", "capture=never")
    for choice in ("never", "always"):
        trainer = build_trainer(copy.deepcopy(whole))
        torch.manual_seed(3)
        trainer.captured = Captured(trainer, choice, graph)
        for _ in range(steps):
            trainer.step()
        if choice == "always" and not trainer.captured.graphs:
            return ["no graph was recorded"]
        states.append(trainer.state_dict())
    return sorted(_differing(*states))


def resume_differs(device: torch.device, words: list[str], steps: int = 13) -> list[str]:
    """Return the parts of the state in which a resumed training differs from a whole one."""
    built = parts(*SMALL, *words, f"device={device}")
    whole, first, second = (build_trainer(copy.deepcopy(built)) for _ in range(3))
    torch.manual_seed(3)
    for _ in range(2 * steps):
        whole.step()
    expected = copy.deepcopy(whole.state_dict())
    torch.manual_seed(3)
    for _ in range(steps):
        first.step()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for _ in range(steps):
        second.step()
    return sorted(_differing(expected, second.state_dict()))


def _differing(one: Any, other: Any, where: str = "") -> Iterator[str]:
    if isinstance(one, dict):
        for key in one:
            yield from _differing(one[key], other[key], f"{where}.{key}".lstrip("."))
    elif isinstance(one, list | tuple):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _differing(*pair, f"{where}.{number}")
    elif not (torch.equal(one, other) if isinstance(one, Tensor) else one == other):
        yield where


def evaluation(device: torch.device, count: int = 2000) -> dict[str, tuple[float, float]]:
    """Each metric of the same samples on the CPU and on the device, where TF32 was left on."""
    whole = parts("evaluation.extractor=none")
    images = whole.dataset.test.images[:count].float() / 127.5 - 1
    images += 0.3 * torch.randn(images.shape, generator=torch.Generator().manual_seed(4))
    labels = whole.dataset.test.labels[:count]
    metrics = ["fid", "label_accuracy", "precision_recall"]
    found = []
    for place in (torch.device("cpu"), device):
        data = to_device(whole.dataset, place)
        reference = Reference(data, load_extractor("mnistcnn", place), "benchmark")
        with float32_products("tf32"):
            fake = reference.embed(images.clamp(-1, 1).to(place), labels.to(place))
            found.append(reference.measure(fake, "test", metrics).values)
    return {name: (value, found[1][name]) for name, value in found[0].items()}
