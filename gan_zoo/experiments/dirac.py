"""The Dirac-GAN: the players' vector field, where (theta, psi) went, how near to (0, 0) it ended.

Source: Mescheder, Geiger, Nowozin 2018 (arXiv 1801.04406), section 2, figure 1 and the authors'
notebook, whose methods beyond a loss with a regularizer are here: instance noise and consensus
optimization.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_zoo.config.build import build
from gan_zoo.config.compose import compose_config
from gan_zoo.experiments.sweep_results import finished_runs
from gan_zoo.losses.minimax import Minimax
from gan_zoo.report.formatting import table
from gan_zoo.runs.record import RunRecord, write_bytes, write_rows
from gan_zoo.runs.weights import read_weights, weight_path
from gan_zoo.training.build import build_trainer
from gan_zoo.training.load_generator import configuration_of
from gan_zoo.training.pictures import new_figure, to_png
from gan_zoo.training.trainer import Trainer
from gan_zoo.types import AdversarialLoss

Points = list[tuple[float, float]]  # (theta, psi), one after the other
Field = NDArray[np.float64]  # (M, 4): theta, psi and their velocity; NaN where psi cannot be
Velocity = Callable[[float, float], tuple[float, float]]  # minus each player's own gradient

SIDE = 13  # arrows along each side of a panel
REACH = (2.0, 4.0)  # least and largest distance from (0, 0) that a panel shows
# Of the notebook: methods that the trainer has, but that are no loss of their own.
PENALISED = {
    "minimax + R1, gamma 0.3": ("loss=minimax", "regularizer=r1", "regularizer.gamma=0.3"),
    "minimax + R1, gamma 1": ("loss=minimax", "regularizer=r1", "regularizer.gamma=1"),
}
NOISE = 0.7  # standard deviation of the notebook's instance noise
CONSENSUS = 1.0  # weight of the notebook's consensus optimization
QUANTILES = 501  # of a normal variable, which stand for the noise


def summarise(folder: Path) -> str:
    """Table of the finished runs below ``folder`` and of the notebook's other methods.

    Also written there, with a picture: the path of each method over its field.
    """
    paths: dict[str, Points] = {}
    fields: dict[str, Field] = {}
    for run, record in finished_runs(folder):
        name, own = record.loss, record.config["loss"]["_target_"].partition(".")[0]
        paths[name] = path(run, record)
        trainer = build_trainer(build(configuration_of(record, allow=own)))
        fields[name] = field(velocity_of(trainer), _reach(paths[name]))
        steps, rate = trainer.planned_updates, trainer.rates[0][1]
    for name, words in PENALISED.items():
        trainer = build_trainer(
            build(compose_config(["experiment=dirac", "optimizer=sgd", "device=cpu", *words]))
        )
        paths[name] = followed(velocity_of(trainer), steps, rate)
        fields[name] = field(velocity_of(trainer), _reach(paths[name]))
    others = {
        f"minimax + instance noise {NOISE}": instance_noise(Minimax(), NOISE),
        f"minimax + consensus {CONSENSUS:g}": consensus(Minimax(), CONSENSUS),
    }
    for name, velocity in others.items():
        paths[name] = followed(velocity, steps, rate)
        fields[name] = field(velocity, _reach(paths[name]))
    rows = [
        {
            "method": name,
            "theta": points[-1][0],
            "psi": points[-1][1],
            "first distance": math.hypot(*points[0]),
            "last distance": math.hypot(*points[-1]),
            "largest in last fifth": max(math.hypot(*p) for p in points[-len(points) // 5 :]),
        }
        for name, points in paths.items()
    ]
    write_rows(folder / "dirac.csv", rows)
    write_bytes(folder / "dirac.png", picture(paths, fields))
    return f"Distance of (theta, psi) from the equilibrium (0, 0):\n{table(rows)}"


def path(folder: Path, record: RunRecord) -> Points:
    """Return (theta, psi) at the start and after each epoch of the run in ``folder``."""
    model = record.config["model"]
    points = [(float(model["generator"]["theta"]), float(model["discriminator"]["psi"]))]
    for epoch in range(1, int(record.progress["epochs"]) + 1):
        theta = read_weights(weight_path(folder, "generator", epoch))["theta"]
        psi = read_weights(weight_path(folder, "discriminator", epoch))["psi"]
        points.append((float(theta), float(psi)))
    return points


def velocity_of(trainer: Trainer) -> Velocity:
    """Return what the trainer itself would follow from any point: its gradients on a batch there.

    NaN where the regularizer's constraint does not let psi be.
    """
    theta, psi = (dict(network.named_parameters())[name] for network, name in
                  ((trainer.generator, "theta"), (trainer.discriminator, "psi")))  # fmt: skip

    def velocity(at_theta: float, at_psi: float) -> tuple[float, float]:
        with torch.no_grad():
            theta.fill_(at_theta)
            psi.fill_(at_psi)
        trainer.objective.regularizer.constrain(trainer.critic)
        if abs(psi.item() - at_psi) > 1e-6:
            return math.nan, math.nan
        trainer.discriminator_backward(trainer.discriminator_batches.next())
        trainer.generator_backward()
        assert theta.grad is not None
        assert psi.grad is not None
        return -theta.grad.item(), -psi.grad.item()

    return velocity


def instance_noise(loss: AdversarialLoss, std: float) -> Velocity:
    """Return the field of a loss with noise N(0, std^2) on real and fake points, in expectation.

    Source: the notebook; Sonderby et al. 2017 (arXiv 1610.04490), section 3.2.
    """
    middles = (torch.arange(QUANTILES, dtype=torch.float64) + 0.5) / QUANTILES
    noise = std * torch.special.ndtri(middles)

    def velocity(theta: float, psi: float) -> tuple[float, float]:
        at = _parameters(theta, psi)
        gradients = _gradients(loss, *at, noise)
        return -gradients[0].item(), -gradients[1].item()

    return velocity


def consensus(loss: AdversarialLoss, weight: float) -> Velocity:
    """Return v - weight * grad(||v||^2 / 2), v = the loss's own field.

    Source: Mescheder, Nowozin, Geiger 2017 (arXiv 1705.10461), section 4.
    """
    nothing = torch.zeros(1, dtype=torch.float64)

    def velocity(theta: float, psi: float) -> tuple[float, float]:
        at = _parameters(theta, psi)
        gradients = _gradients(loss, *at, nothing)
        half = (gradients[0] ** 2 + gradients[1] ** 2) / 2
        pulls = torch.autograd.grad(half, at)
        moves = [-(g + weight * pull).item() for g, pull in zip(gradients, pulls, strict=True)]
        return moves[0], moves[1]

    return velocity


def followed(velocity: Velocity, steps: int, rate: float) -> Points:
    """Return the points of simultaneous gradient steps from (1, 1), as the sweep's runs take."""
    points = [(1.0, 1.0)]
    for _ in range(steps):
        (theta, psi), (along, up) = points[-1], velocity(*points[-1])
        points.append((theta + rate * along, psi + rate * up))
    return points


def field(velocity: Velocity, reach: float) -> Field:
    """Return the velocity on a grid of SIDE x SIDE points around (0, 0)."""
    ticks = np.linspace(-reach, reach, SIDE)
    return np.array([(t, p, *velocity(t, p)) for t in ticks for p in ticks])


def picture(paths: Mapping[str, Points], fields: Mapping[str, Field]) -> bytes:
    """PNG with a panel for each method: directions of its field, and its path over them.

    Grey: where it starts; orange: where it ends; a cross: the equilibrium.
    """
    columns = 4
    rows = math.ceil(len(paths) / columns)
    figure = new_figure(7, 1.9 * rows)
    for number, (title, points) in enumerate(paths.items(), start=1):
        axes = figure.add_subplot(rows, columns, number)
        at_theta, at_psi, along, up = fields[title].T
        speed = np.hypot(along, up)
        still = np.where(speed > 0, speed, 1)  # no arrow where nothing moves
        axes.quiver(at_theta, at_psi, along / still, up / still, color="#aaaaaa", width=0.005,
                    scale=18)  # fmt: skip
        theta, psi = np.array(points).T
        axes.plot(theta, psi, color="#0072b2", linewidth=0.8)
        axes.plot(theta[0], psi[0], "o", color="#666666", markersize=4)
        axes.plot(theta[-1], psi[-1], "o", color="#d55e00", markersize=4)
        axes.plot(0, 0, "k+", markersize=8)
        reach = 1.08 * _reach(points)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        axes.set_title(title, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.locator_params(nbins=3)
        if number > len(paths) - columns:
            axes.set_xlabel("θ", fontsize=8)
        if number % columns == 1:
            axes.set_ylabel("ψ", fontsize=8)
    return to_png(figure)


def _reach(points: Points) -> float:
    """Return how far from (0, 0) a panel has to show to hold the path, within REACH."""
    farthest = max(max(abs(theta), abs(psi)) for theta, psi in points)
    return min(max(farthest, REACH[0]), REACH[1])


def _parameters(theta: float, psi: float) -> tuple[Tensor, Tensor]:
    theta_, psi_ = (torch.tensor(value, dtype=torch.float64, requires_grad=True)
                    for value in (theta, psi))  # fmt: skip
    return theta_, psi_


def _gradients(
    loss: AdversarialLoss, theta: Tensor, psi: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """Return G's gradient by theta and D's by psi, to be differentiated once more."""
    real, fake = psi * noise, psi * (theta + noise)
    (by_theta,) = torch.autograd.grad(loss.generator(fake, real), theta, create_graph=True)
    (by_psi,) = torch.autograd.grad(loss.discriminator(real, fake), psi, create_graph=True)
    return by_theta, by_psi
