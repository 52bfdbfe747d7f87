"""The contracts of generators and discriminators: the functions of ``…_CONTRACTS``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from gan_zoo.data.devices import kept_global_streams
from gan_zoo.testing.contracts import check, name_of, require

COUNT = 6  # samples of a batch
STRETCH = 1e3  # of images and weights: scores of a network without a sigmoid grow beyond any bound

Factory = Callable[..., nn.Module]  # (image_shape=, num_classes=) -> network


def check_generator(
    make: Factory, *, image_shape: Sequence[int] = (1, 28, 28), num_classes: int = 10
) -> None:
    """Check that a class, or a partial of it, makes a ``gan_zoo.types.Generator``.

    Samples of the data's shape, images within [-1, 1]; gradients in every parameter; in evaluation
    mode each sample a function of its own latent and label; weights from torch's global stream, so
    that a seed determines them; a state that can be saved.

    Args:
        make: called with ``image_shape`` and ``num_classes``, as a configuration's ``_partial_``.
        image_shape: of one sample, (C, H, W) or (D,) for points.
        num_classes: number of labels.

    Raises:
        AssertionError: names the broken contract.
    """
    check(name_of(make), Built(make, tuple(image_shape), num_classes), GENERATOR_CONTRACTS)


def check_discriminator(
    make: Factory, *, image_shape: Sequence[int] = (1, 28, 28), num_classes: int = 10
) -> None:
    """Check that a class, or a partial of it, makes a ``gan_zoo.types.Discriminator``.

    One raw score and K class logits for each sample; gradients in every parameter;
    ``adversarial_parameters`` exactly those that a score depends on; in evaluation mode outputs
    that depend on their own sample; weights from torch's global stream; a state that can be saved.

    Args:
        make: called with ``image_shape`` and ``num_classes``, as a configuration's ``_partial_``.
        image_shape: of one sample, (C, H, W) or (D,) for points.
        num_classes: number of labels K.

    Raises:
        AssertionError: names the broken contract.
    """
    check(name_of(make), Built(make, tuple(image_shape), num_classes), DISCRIMINATOR_CONTRACTS)


@dataclass(frozen=True)
class Built:
    """A factory of networks and its arguments."""

    make: Factory
    image_shape: tuple[int, ...]
    num_classes: int

    def network(self, seed: int = 0) -> Any:
        """Return a new network; the global stream is restored."""
        with kept_global_streams():
            torch.manual_seed(seed)
            return self.make(image_shape=self.image_shape, num_classes=self.num_classes)

    @cached_property
    def labels(self) -> Tensor:
        """Labels of ``COUNT`` samples."""
        return torch.arange(COUNT) % self.num_classes

    @cached_property
    def images(self) -> Tensor:
        """``COUNT`` samples in [-1, 1]."""
        rng = torch.Generator().manual_seed(1)
        return 2 * torch.rand(COUNT, *self.image_shape, generator=rng) - 1

    def latents(self, network: Any) -> Tensor:
        """Return ``COUNT`` latents."""
        rng = torch.Generator().manual_seed(2)
        return 2 * torch.rand(COUNT, network.latent_dim, generator=rng) - 1

    def outputs(self, network: Any, part: slice = slice(None)) -> tuple[Tensor, ...]:
        """Return the outputs of either kind of network for some of the samples."""
        if hasattr(network, "latent_dim"):
            return (network(self.latents(network)[part], self.labels[part]),)
        return tuple(network(self.images[part]))


def has_a_latent_dim(of: Built) -> None:
    """Check that ``latent_dim``, the size of z, is a whole number."""
    found = getattr(of.network(), "latent_dim", None)
    require(isinstance(found, int) and found >= 1, f"latent_dim must be at least 1, got {found!r}")


def makes_samples_in_the_shape_of_the_data(of: Built) -> None:
    """Check for finite float32 (N, *image_shape); images within [-1, 1], points anywhere."""
    (samples,) = of.outputs(of.network())
    shape = (COUNT, *of.image_shape)
    require(
        samples.shape == shape and samples.dtype == torch.float32,
        f"samples must be {shape} torch.float32, got {tuple(samples.shape)} {samples.dtype}",
    )
    require(bool(samples.isfinite().all()), "its samples must be finite")
    network = of.network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(STRETCH)
    largest = of.outputs(network)[0].abs().max().item()
    require(
        len(of.image_shape) == 1 or largest <= 1,
        f"pixels must be within [-1, 1], as by tanh, got {largest:g} with large weights",
    )


def gives_raw_scores_and_class_logits(of: Built) -> None:
    """Check for a float32 ``CriticOutput`` of unbounded scores (N,) and class logits (N, K)."""
    network = of.network()
    output = network(of.images)
    for name, shape in (("scores", (COUNT,)), ("class_logits", (COUNT, of.num_classes))):
        found = getattr(output, name, None)
        require(
            found is not None and found.shape == shape and found.dtype == torch.float32,
            f"{name} must be {shape} torch.float32 in a gan_zoo.types.CriticOutput, got"
            f" {None if found is None else (tuple(found.shape), found.dtype)}",
        )
    with torch.no_grad():
        for parameter in network.adversarial_parameters():
            parameter.mul_(STRETCH)
        largest = network(STRETCH * of.images).scores.abs().max().item()
    require(
        largest > 1,
        "scores must be raw, without sigmoid or tanh, but even with large weights and inputs none"
        f" exceeds {largest:g}",
    )


def reaches_every_parameter(of: Built) -> None:
    """Check for a gradient in every parameter, even if it is 0 for this batch."""
    network = of.network()
    torch.cat([output.flatten() for output in of.outputs(network)]).square().sum().backward()
    idle = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    require(not idle, f"no output depends on {', '.join(idle)}")


def names_the_parameters_that_its_score_depends_on(of: Built) -> None:
    """Check ``adversarial_parameters``, which weight constraints act on: not the class head."""
    network = of.network().eval()
    network(of.images).scores.square().sum().backward()
    gradients = {n: p.grad for n, p in network.named_parameters() if p.grad is not None}
    touched = {n for n, gradient in gradients.items() if bool(gradient.any())}
    given = {id(p) for p in network.adversarial_parameters()}
    named = {n for n, p in network.named_parameters() if id(p) in given}
    require(
        touched == named,
        "adversarial_parameters() must be those that the score depends on, but differ in"
        f" {', '.join(sorted(touched ^ named))}",
    )


def treats_samples_apart_in_evaluation_mode(of: Built) -> None:
    """Check for the same outputs whatever else is in the batch, and each time."""
    network = of.network()
    of.outputs(network)  # in training mode: statistics, power iterations
    network.eval()
    with torch.no_grad():
        whole, again = of.outputs(network), of.outputs(network)
        parts = [of.outputs(network, slice(n, n + 1)) for n in range(COUNT)]
    for number, output in enumerate(whole):
        require(
            torch.equal(output, again[number]), "in eval() its outputs must be the same each time"
        )
        torch.testing.assert_close(torch.cat([p[number] for p in parts]), output)


def draws_its_weights_from_the_global_stream(of: Built) -> None:
    """Check that the seed of torch's global stream, where a run sets it, determines them."""
    first, second, other = (of.network(seed).state_dict() for seed in (0, 0, 1))
    require(
        all(torch.equal(value, second[name]) for name, value in first.items()),
        "the same seed gives different weights: draw them from torch's global random stream",
    )
    drawn = any(not torch.equal(value, other[name]) for name, value in first.items())
    fixed = all(bool((value == value.flatten()[0]).all()) for value in first.values())
    require(drawn or fixed, "another seed gives the same weights: is there a seed inside?")


def resumes_from_its_state(of: Built) -> None:
    """Check that its outputs depend on nothing but ``state_dict``."""
    network, other = of.network(0), of.network(1)
    of.outputs(network)
    other.load_state_dict(network.state_dict())
    network.eval(), other.eval()
    with torch.no_grad():
        for mine, theirs in zip(of.outputs(network), of.outputs(other), strict=True):
            require(
                torch.equal(mine, theirs), "a network that loads its state gives different outputs"
            )


_BOTH = (
    reaches_every_parameter,
    treats_samples_apart_in_evaluation_mode,
    draws_its_weights_from_the_global_stream,
    resumes_from_its_state,
)
GENERATOR_CONTRACTS = (has_a_latent_dim, makes_samples_in_the_shape_of_the_data, *_BOTH)
DISCRIMINATOR_CONTRACTS = (
    gives_raw_scores_and_class_logits,
    *_BOTH,
    names_the_parameters_that_its_score_depends_on,
)
