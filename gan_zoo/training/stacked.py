"""Networks, optimizers and penalties of S runs, stacked along a leading dimension of runs."""

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from torch.optim import Optimizer

from gan_zoo.models import mlp
from gan_zoo.regularizers.gradient_penalties import (
    R1,
    R1R2,
    R2,
    Dragan,
    GradientPenalty,
    LipschitzPenalty,
    WganDivPenalty,
    ZeroCenteredPenalty,
)
from gan_zoo.regularizers.none import Unregularized
from gan_zoo.regularizers.weight_clip import WeightClip
from gan_zoo.types import CriticOutput


class Stack(nn.Module):
    """The parameters of S networks of one architecture; theirs become views of the stacked ones.

    Args:
        networks: S of them.
    """

    def __init__(self, networks: Sequence[nn.Module]):
        super().__init__()
        self.networks = tuple(networks)  # a tuple, so that they are not submodules
        self.stacked: dict[str, nn.Parameter] = {}
        self._list = nn.ParameterList()
        for name, parameter in networks[0].named_parameters():
            members = [network.get_parameter(name) for network in networks]
            if parameter.ndim == 2:  # the memory layout of the gradient, which saves copies
                stacked = nn.Parameter(torch.stack([m.detach().t() for m in members]).mT)
            else:
                stacked = nn.Parameter(torch.stack([m.detach() for m in members]))
            stacked.requires_grad_(parameter.requires_grad)
            for member, own in zip(members, stacked.detach().unbind(), strict=True):
                member.data = own
            self.stacked[name] = stacked
            self._list.append(stacked)

    def linear(self, name: str, inputs: Tensor) -> Tensor:
        """Apply a linear layer of each network: (S, N, in) -> (S, N, out)."""
        bias, weight = self.stacked[f"{name}.bias"], self.stacked[f"{name}.weight"]
        return torch.baddbmm(bias.unsqueeze(1), inputs, weight.mT)

    def trunk(self, inputs: Tensor) -> Tensor:
        """Apply the hidden layers of each network: (S, N, in) -> (S, N, features)."""
        for name, layer in cast(nn.Module, self.networks[0].trunk).named_children():
            if isinstance(layer, nn.Linear):
                inputs = self.linear(f"trunk.{name}", inputs)
            elif isinstance(layer, nn.ReLU):
                inputs = inputs.relu_()  # in place: stacked activations do not fit into caches
            elif isinstance(layer, nn.LeakyReLU):
                inputs = leaky_relu(inputs, layer.negative_slope, inplace=True)
            else:
                inputs = layer(inputs)
        return inputs


class Generators(Stack):
    """S of ``mlp.Generator``: (S, N, latent_dim) -> (S, N, ...)."""

    def forward(self, z: Tensor) -> Tensor:
        shape = cast(mlp.Generator, self.networks[0]).sample_shape
        return self.linear("out", self.trunk(z)).unflatten(2, shape)


class Discriminators(Stack):
    """S of ``mlp.Discriminator``: (S, N, ...) -> scores (S, N), class logits (S, N, K)."""

    def forward(self, images: Tensor, *, trains_class_head: bool) -> CriticOutput:
        packing = cast(mlp.Discriminator, self.networks[0]).packing
        packs = images.unflatten(1, (-1, packing)).flatten(2)  # as models.packing
        features = self.trunk(packs)
        scores = self.linear("score_head", features).squeeze(2).repeat_interleave(packing, 1)
        with torch.set_grad_enabled(trains_class_head and torch.is_grad_enabled()):
            logits = self.linear("class_head", features)
            return CriticOutput(scores, logits.unflatten(2, (packing, -1)).flatten(1, 2))

    def adversarial_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the stacked parameters that the scores depend on."""
        for name, stacked in self.stacked.items():
            if not name.startswith("class_head."):
                yield stacked


def backward(losses: Tensor, stack: Stack) -> None:
    """Set the gradient of the sum of S losses, each of which depends on its own network alone."""
    parameters = list(stack.parameters())
    found = torch.autograd.grad(losses.sum(), parameters, allow_unused=True, materialize_grads=True)
    for parameter, gradient in zip(parameters, found, strict=True):
        if gradient.stride() != parameter.stride():  # fused optimizers assume equal strides
            gradient = torch.empty_like(parameter).copy_(gradient)
        parameter.grad = gradient


def norms(stacked: Sequence[Tensor]) -> Tensor:
    """Return the Euclidean norm of each run over all tensors: (S, ...) each -> (S,)."""
    each = [torch.linalg.vector_norm(tensor.flatten(1), dim=1) for tensor in stacked]
    return torch.linalg.vector_norm(torch.stack(each), dim=0)


def expand(values: Tensor, tensor: Tensor) -> Tensor:
    """Return (S,) values in a shape that multiplies an (S, ...) tensor."""
    return values.view(-1, *(1 for _ in tensor.shape[1:]))


def stack_optimizers(optimizers: Sequence[Optimizer], stack: Stack) -> Optimizer:
    """Return an optimizer of the stacked parameters, with the options and states of S others."""
    first = optimizers[0]
    stacked = copy.copy(first)
    stacked.param_groups = [{**first.param_groups[0], "params": list(stack.parameters())}]
    stacked.state = defaultdict(dict)
    for name, parameter in stack.stacked.items():
        members = [network.get_parameter(name) for network in stack.networks]
        states = [o.state.get(p, {}) for o, p in zip(optimizers, members, strict=True)]
        for key, value in states[0].items():
            if isinstance(value, Tensor):
                per_run = value.shape == members[0].shape
                value = value.clone()
                if per_run:
                    value = torch.stack([s[key] for s in states])
                    value = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
            stacked.state[parameter][key] = value
    return stacked


def share_state(optimizer: Optimizer, members: Sequence[Optimizer], stack: Stack) -> None:
    """Make the states of S optimizers views of the stacked one's, which it updates in place."""
    for name, parameter in stack.stacked.items():
        for number, (member, network) in enumerate(zip(members, stack.networks, strict=True)):
            member.state[network.get_parameter(name)] = {
                key: value[number]
                if isinstance(value, Tensor) and value.shape == parameter.shape
                else value
                for key, value in optimizer.state[parameter].items()
            }


class StackedStep:
    """What the penalties of S runs need: as ``CriticStep``, with a leading dimension of runs.

    Args:
        scores: returns the scores of other points.
        real, fake: (S, N, ...).
        real_scores, fake_scores: (S, N).
        rngs: one random stream per run.
    """

    def __init__(
        self,
        scores: Callable[[Tensor], Tensor],
        real: Tensor,
        fake: Tensor,
        real_scores: Tensor,
        fake_scores: Tensor,
        rngs: Sequence[torch.Generator],
    ):
        self.scores, self.real, self.fake = scores, real, fake
        self.real_scores, self.fake_scores, self.rngs = real_scores, fake_scores, rngs

    def uniform(self, shape: Sequence[int]) -> Tensor:
        """Return (S, *shape) uniform numbers, drawn from the stream of each run."""
        like = self.real
        drawn = [
            torch.rand(shape, generator=rng, device=like.device, dtype=like.dtype)
            for rng in self.rngs
        ]
        return torch.stack(drawn)

    def one_per_sample(self) -> Tensor:
        """Return a uniform number for each sample, in a shape that multiplies the samples."""
        return self.uniform((self.real.shape[1], *(1 for _ in self.real.shape[2:])))

    def gradients_at(self, points: Tensor) -> Tensor:
        """Return gradients of the scores at other points: (S, N, everything else flattened)."""
        points = points.detach().requires_grad_()
        return gradients(self.scores(points), points)

    def between(self) -> Tensor:
        """Return gradients of the scores at random points between real and fake samples."""
        real, fake = self.real.detach(), self.fake.detach()
        return self.gradients_at(torch.lerp(fake, real, self.one_per_sample()))


def gradients(scores: Tensor, points: Tensor) -> Tensor:
    """Return the gradient of each score by its own point, differentiable once more: (S, N, D)."""
    (found,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
    return found.flatten(2)


def _none(regularizer: Any, step: StackedStep) -> Tensor:
    return step.real_scores.new_zeros(len(step.real_scores))


def _gradient_penalty(regularizer: GradientPenalty, step: StackedStep) -> Tensor:
    excess = step.between().norm(dim=2) - regularizer.target
    return regularizer.weight * excess.square().mean(1)


def _lipschitz_penalty(regularizer: LipschitzPenalty, step: StackedStep) -> Tensor:
    excess = (step.between().norm(dim=2) - regularizer.target).relu()
    return regularizer.weight * excess.square().mean(1)


def _zero_centered(regularizer: ZeroCenteredPenalty, step: StackedStep) -> Tensor:
    return regularizer.weight * step.between().square().sum(2).mean(1)


def _wgan_div(regularizer: WganDivPenalty, step: StackedStep) -> Tensor:
    return regularizer.k * step.between().norm(dim=2).pow(regularizer.p).mean(1)


def _r1(regularizer: R1, step: StackedStep) -> Tensor:
    found = gradients(step.real_scores, step.real)
    return regularizer.gamma / 2 * found.square().sum(2).mean(1)


def _r2(regularizer: R2, step: StackedStep) -> Tensor:
    found = gradients(step.fake_scores, step.fake)
    return regularizer.gamma / 2 * found.square().sum(2).mean(1)


def _r1_r2(regularizer: R1R2, step: StackedStep) -> Tensor:
    scores = step.real_scores.sum() + step.fake_scores.sum()
    both = torch.autograd.grad(scores, [step.real, step.fake], create_graph=True)
    squares = [found.flatten(2).square().sum(2).mean(1) for found in both]
    return regularizer.gamma / 2 * (squares[0] + squares[1])


def _dragan(regularizer: Dragan, step: StackedStep) -> Tensor:
    real = step.real.detach()
    noise = step.uniform(real.shape[1:])
    spread = regularizer.noise * real.flatten(1).std(1, correction=0)
    points = real + expand(spread, real) * step.one_per_sample() * noise
    excess = step.gradients_at(points).norm(dim=2) - regularizer.target
    return regularizer.weight * excess.square().mean(1)


# The penalties (S,) of all runs at once; the numbers are those of ``Regularizer.penalty``.
PENALTIES: dict[type, Callable[[Any, StackedStep], Tensor]] = {
    Unregularized: _none, WeightClip: _none, GradientPenalty: _gradient_penalty,
    LipschitzPenalty: _lipschitz_penalty, ZeroCenteredPenalty: _zero_centered,
    WganDivPenalty: _wgan_div, R1: _r1, R2: _r2, R1R2: _r1_r2, Dragan: _dragan,
}  # fmt: skip
