"""What every generator and discriminator has to fulfil; ``…_CONTRACTS`` tell it one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from gan_zoo.data.devices import kept_global_streams
from gan_zoo.testing.contracts import hold, require

COUNT = 6  # samples of a batch
STRETCH = 1e3  # of images and weights: scores of a network without a sigmoid grow beyond any bound

Factory = Callable[..., nn.Module]  # (image_shape=, num_classes=) -> network


def check_generator(
    make: Factory, *, image_shape: Sequence[int] = (1, 28, 28), num_classes: int = 10
) -> None:
    """Hold a generator's class, or a partial of it, to ``interfaces.Generator``.

    Samples of the data's shape, images within [-1, 1]; gradients in every parameter; in evaluation
    mode a function of latent and label of each sample alone; weights from torch's global stream,
    so that a seed decides them; a state that can be saved.

    Args:
        make: called with ``image_shape`` and ``num_classes``, as a configuration's ``_partial_``.
        image_shape: of one sample, (C, H, W) or (D,) for points.
        num_classes: number of labels.

    Raises:
        AssertionError: naming the broken contract.
    """
    hold(_name(make), Built(make, tuple(image_shape), num_classes), GENERATOR_CONTRACTS)


def check_discriminator(
    make: Factory, *, image_shape: Sequence[int] = (1, 28, 28), num_classes: int = 10
) -> None:
    """Hold a discriminator's class, or a partial of it, to ``interfaces.Discriminator``.

    One raw score and K class logits a sample; gradients in every parameter;
    ``adversarial_parameters`` exactly those that a score depends on; in evaluation mode a function
    of each sample alone; weights from torch's global stream; a state that can be saved.

    Args:
        make: called with ``image_shape`` and ``num_classes``, as a configuration's ``_partial_``.
        image_shape: of one sample, (C, H, W) or (D,) for points.
        num_classes: number of labels K.

    Raises:
        AssertionError: naming the broken contract.
    """
    hold(_name(make), Built(make, tuple(image_shape), num_classes), DISCRIMINATOR_CONTRACTS)


@dataclass(frozen=True)
class Built:
    """A factory of networks and what it is called with."""

    make: Factory
    image_shape: tuple[int, ...]
    num_classes: int

    def network(self, seed: int = 0) -> Any:
        """A fresh network; the global stream is left as it was."""
        with kept_global_streams():
            torch.manual_seed(seed)
            return self.make(image_shape=self.image_shape, num_classes=self.num_classes)

    @cached_property
    def labels(self) -> Tensor:
        """Of ``COUNT`` samples."""
        return torch.arange(COUNT) % self.num_classes

    @cached_property
    def images(self) -> Tensor:
        """``COUNT`` samples in [-1, 1]."""
        rng = torch.Generator().manual_seed(1)
        return 2 * torch.rand(COUNT, *self.image_shape, generator=rng) - 1

    def latents(self, network: Any) -> Tensor:
        """``COUNT`` latents."""
        rng = torch.Generator().manual_seed(2)
        return 2 * torch.rand(COUNT, network.latent_dim, generator=rng) - 1

    def outputs(self, network: Any, part: slice = slice(None)) -> tuple[Tensor, ...]:
        """What either kind of network gives for some of the samples."""
        if hasattr(network, "latent_dim"):
            return (network(self.latents(network)[part], self.labels[part]),)
        return tuple(network(self.images[part]))


def has_a_latent_dim(of: Built) -> None:
    """``latent_dim``, the size of z, is a whole number."""
    found = getattr(of.network(), "latent_dim", None)
    require(isinstance(found, int) and found >= 1, f"latent_dim is {found!r}; allowed: 1 or more")


def makes_samples_of_the_data_s_shape(of: Built) -> None:
    """float32 (N, *image_shape), finite; images within [-1, 1], points anywhere."""
    (samples,) = of.outputs(of.network())
    shape = (COUNT, *of.image_shape)
    require(
        samples.shape == shape and samples.dtype == torch.float32,
        f"it makes {tuple(samples.shape)} {samples.dtype}; allowed: {shape} torch.float32",
    )
    require(bool(samples.isfinite().all()), "its samples are not finite")
    network = of.network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(STRETCH)
    largest = of.outputs(network)[0].abs().max().item()
    require(
        len(of.image_shape) == 1 or largest <= 1,
        f"with large weights its pixels reach {largest:g}; allowed: within [-1, 1], as by tanh",
    )


def gives_raw_scores_and_class_logits(of: Built) -> None:
    """``CriticOutput`` of scores (N,), unbounded, and class logits (N, K); float32."""
    network = of.network()
    output = network(of.images)
    for name, shape in (("scores", (COUNT,)), ("class_logits", (COUNT, of.num_classes))):
        found = getattr(output, name, None)
        require(
            found is not None and found.shape == shape and found.dtype == torch.float32,
            f"{name} are {None if found is None else (tuple(found.shape), found.dtype)}; allowed:"
            f" a gan_zoo.types.CriticOutput with {shape} torch.float32",
        )
    with torch.no_grad():
        for parameter in network.adversarial_parameters():
            parameter.mul_(STRETCH)
        largest = network(STRETCH * of.images).scores.abs().max().item()
    require(
        largest > 1,
        f"even with large weights and inputs no score exceeds {largest:g}: scores are raw, without"
        " sigmoid or tanh",
    )


def reaches_every_parameter(of: Built) -> None:
    """With a gradient, even if it is zero for this batch."""
    network = of.network()
    torch.cat([output.flatten() for output in of.outputs(network)]).square().sum().backward()
    idle = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    require(not idle, f"no output depends on {', '.join(idle)}")


def names_the_parameters_that_its_score_depends_on(of: Built) -> None:
    """``adversarial_parameters``: what a weight constraint acts on; not the class head."""
    network = of.network().eval()
    network(of.images).scores.square().sum().backward()
    gradients = {n: p.grad for n, p in network.named_parameters() if p.grad is not None}
    touched = {n for n, gradient in gradients.items() if bool(gradient.any())}
    given = {id(p) for p in network.adversarial_parameters()}
    named = {n for n, p in network.named_parameters() if id(p) in given}
    require(
        touched == named,
        f"adversarial_parameters() differ from what the score depends on in"
        f" {', '.join(sorted(touched ^ named))}",
    )


def treats_samples_apart_in_evaluation_mode(of: Built) -> None:
    """The same outputs whatever else is in the batch, and each time."""
    network = of.network()
    of.outputs(network)  # in training mode: statistics, power iterations
    network.eval()
    with torch.no_grad():
        whole, again = of.outputs(network), of.outputs(network)
        parts = [of.outputs(network, slice(n, n + 1)) for n in range(COUNT)]
    for number, output in enumerate(whole):
        require(torch.equal(output, again[number]), "in eval() it gives other outputs each time")
        torch.testing.assert_close(torch.cat([p[number] for p in parts]), output)


def draws_its_weights_from_torch_s_global_stream(of: Built) -> None:
    """The run's seed is set there: the same seed, the same weights; another, others."""
    first, again, other = (of.network(seed).state_dict() for seed in (0, 0, 1))
    require(
        all(torch.equal(value, again[name]) for name, value in first.items()),
        "the same seed gives other weights: draw them from torch's global random stream",
    )
    drawn = any(not torch.equal(value, other[name]) for name, value in first.items())
    fixed = all(bool((value == value.flatten()[0]).all()) for value in first.values())
    require(drawn or fixed, "another seed gives the same weights: is there a seed inside?")


def goes_on_from_its_state(of: Built) -> None:
    """All that its outputs depend on is in ``state_dict``."""
    network, other = of.network(0), of.network(1)
    of.outputs(network)
    other.load_state_dict(network.state_dict())
    network.eval(), other.eval()
    with torch.no_grad():
        for mine, theirs in zip(of.outputs(network), of.outputs(other), strict=True):
            require(torch.equal(mine, theirs), "a network that loads its state gives other outputs")


def _name(make: Any) -> str:
    made = getattr(make, "func", make)
    return str(getattr(made, "__name__", type(made).__name__))


_BOTH = (
    reaches_every_parameter,
    treats_samples_apart_in_evaluation_mode,
    draws_its_weights_from_torch_s_global_stream,
    goes_on_from_its_state,
)
GENERATOR_CONTRACTS = (has_a_latent_dim, makes_samples_of_the_data_s_shape, *_BOTH)
DISCRIMINATOR_CONTRACTS = (
    gives_raw_scores_and_class_logits,
    *_BOTH,
    names_the_parameters_that_its_score_depends_on,
)
