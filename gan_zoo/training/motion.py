"""How generated points in one or two dimensions moved, from the weights of a run's epochs.

Nothing here runs while the networks train: the weights of each epoch are read again at the end,
into copies of the networks, so that no number of the run can depend on its pictures.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.fixed_latents import evaluating
from gan_zoo.models.discriminator import scores_of_copies
from gan_zoo.runs.weights import load_weights, weight_path
from gan_zoo.types import AdversarialLoss, Sampler

Values = NDArray[np.float64]

MOMENTS = 25  # at most, evenly over the epochs
POINTS = 240  # generated; a multiple of most packings
REAL = 1000  # real points, as many as are drawn
SIDE = 61  # scores along a side of the plane
ON_LINE = 241  # scores along the line, latents along a curve
GRID = 11  # latent curves in each direction
REACH = 2.0  # most that the picture extends beyond the real points, as a share of their extent


class Moment(NamedTuple):
    """What is seen of a run after one of its epochs; D is the number of dimensions, 1 or 2."""

    updates: int  # of G
    points: Values  # (POINTS, D) generated
    pushes: Values  # (POINTS, D): minus the slope of G's loss at each, times POINTS
    scores: Values  # (ON_LINE,), or (SIDE, SIDE) with a row for each y
    curves: Values  # (C, ON_LINE, D): G along lines of latents


class Motion(NamedTuple):
    """A run in motion, with what all its frames share."""

    moments: tuple[Moment, ...]
    real: Values  # (N, D)
    low: Values  # (D,) lower end of the picture
    high: Values
    latent: tuple[float, float]  # ends of the first latent's line


class Players(NamedTuple):
    """The networks of a run, whose weights are replaced, and the loss and latents of G."""

    generator: nn.Module
    discriminator: nn.Module
    loss: AdversarialLoss
    latents: Sampler
    latent_dim: int


def observe(folder: Path, updates: Mapping[int, int], players: Players, real: Tensor) -> Motion:
    """Return how the points of a run moved that kept the weights of every epoch.

    The picture holds all real points, and 90% of the generated ones, in all epochs together, at the
    start and at the end, unless they are far away.

    Args:
        folder: of the run.
        updates: epoch -> updates of G; the epochs whose weights are there.
        players: copies are made of the networks.
        real: (N, D) points.
    """
    generator, discriminator = (
        copy.deepcopy(network) for network in (players.generator, players.discriminator)
    )
    places = np.linspace(0, len(updates) - 1, min(MOMENTS, len(updates))).round().astype(int)
    epochs = [sorted(updates)[place] for place in places]
    device = next(discriminator.parameters()).device
    z = players.latents(POINTS, players.latent_dim, stream(0, "motion: latents"))
    ends = torch.quantile(z, torch.tensor([0.025, 0.975]), dim=0)
    lines = _latent_lines(ends, curves=real.shape[1] == 2).to(device)
    real, z = real[:REAL], z.to(device)
    with evaluating(generator, discriminator):
        drawn = []
        for epoch in epochs:
            load_weights(weight_path(folder, "generator", epoch), generator)
            drawn.append((_generated(generator, z), _curves(generator, lines)))
        low, high = _region(_array(real), np.stack([_array(points) for points, _ in drawn]))
        at = _grid(low, high).to(device)
        moments = []
        for epoch, (points, curves) in zip(epochs, drawn, strict=True):
            load_weights(weight_path(folder, "discriminator", epoch), discriminator)
            scores = scores_of_copies(discriminator, at)
            pushes = _pushes(discriminator, players.loss, points, real.to(device))
            shape = (SIDE, SIDE) if real.shape[1] == 2 else (ON_LINE,)
            moments.append(
                Moment(updates[epoch], _array(points), pushes, _array(scores).reshape(shape),
                       _array(curves))
            )  # fmt: skip
    first = (float(ends[0, 0]), float(ends[1, 0]))
    return Motion(tuple(moments), _array(real), low, high, first)


def _region(real: Values, generated: Values) -> tuple[Values, Values]:
    """Return the ends of the picture, a square in the plane.

    Args:
        real: (N, D).
        generated: (frames, POINTS, D).
    """
    low, high = real.min(0), real.max(0)
    outer = np.stack([
        np.quantile(points.reshape(-1, real.shape[1]), [0.05, 0.95], axis=0)
        for points in (generated, generated[0], generated[-1])
    ])  # fmt: skip
    outer = np.stack([outer[:, 0].min(0), outer[:, 1].max(0)])
    extent = (high - low).max()
    if extent > 0:
        outer = np.clip(outer, low - REACH * extent, high + REACH * extent)
    low, high = np.minimum(low, outer[0]), np.maximum(high, outer[1])
    middle, half = (low + high) / 2, 0.55 * max((high - low).max(), 1e-3)
    return middle - half, middle + half


def _grid(low: Values, high: Values) -> Tensor:
    """Return the points whose scores are drawn: (ON_LINE, 1), or (SIDE^2, 2) row by row of y."""
    if len(low) == 1:
        return torch.linspace(float(low[0]), float(high[0]), ON_LINE)[:, None]
    x, y = (torch.linspace(float(a), float(b), SIDE) for a, b in zip(low, high, strict=True))
    return torch.cartesian_prod(y, x).flip(1)


def _latent_lines(ends: Tensor, *, curves: bool) -> Tensor:
    """Return (C, ON_LINE, latent_dim): a grid in the first two latents, the others 0.

    One line, along the first latent, if ``curves`` is false or there is only one.
    """
    dim = ends.shape[1]
    along = torch.linspace(0, 1, ON_LINE)
    if dim == 1 or not curves:
        line = torch.zeros(1, ON_LINE, dim)
        line[0, :, 0] = ends[0, 0] + along * (ends[1, 0] - ends[0, 0])
        return line
    lines = torch.zeros(2, GRID, ON_LINE, dim)
    for axis, other in ((0, 1), (1, 0)):
        ticks = torch.linspace(float(ends[0, axis]), float(ends[1, axis]), GRID)
        lines[axis, :, :, axis] = ticks[:, None]
        lines[axis, :, :, other] = ends[0, other] + along * (ends[1, other] - ends[0, other])
    return lines.flatten(0, 1)


def _generated(generator: nn.Module, z: Tensor) -> Tensor:
    points: Tensor = generator(z, torch.zeros(len(z), dtype=torch.int64, device=z.device))
    return points.clone()  # it may be a view of weights, which are about to change


def _curves(generator: nn.Module, lines: Tensor) -> Tensor:
    return _generated(generator, lines.flatten(0, 1)).unflatten(0, lines.shape[:2])


def _pushes(discriminator: nn.Module, loss: AdversarialLoss, fake: Tensor, real: Tensor) -> Values:
    """Return minus the slope of G's adversarial loss at each point, times their number."""
    with torch.enable_grad():
        points = fake.detach().requires_grad_()
        of_real = real[torch.arange(len(fake), device=real.device) % len(real)]
        on_real, on_fake = (discriminator(each).scores.float() for each in (of_real, points))
        value = loss.generator(on_fake, on_real.detach())
        (slope,) = torch.autograd.grad(value, points)
    return -len(fake) * _array(slope)


def _array(tensor: Tensor) -> Values:
    return cast(Values, tensor.detach().double().cpu().numpy())
