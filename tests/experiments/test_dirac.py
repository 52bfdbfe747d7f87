"""The Dirac-GAN on the real trainer: which methods converge, and the steps of the theory."""

import math
from functools import partial

import pytest
import torch

from gan_zoo.config.build import RunComponents
from gan_zoo.config.schema import AuxiliarySettings, EvaluationSettings, TrainerSettings
from gan_zoo.data.toys import dirac
from gan_zoo.losses.bce import Bce
from gan_zoo.losses.minimax import Minimax
from gan_zoo.losses.wgan import Wgan
from gan_zoo.models.affine import DiracDiscriminator, DiracGenerator
from gan_zoo.models.latents import Normal, UniformLabels
from gan_zoo.regularizers.gradient_penalties import R1, GradientPenalty
from gan_zoo.regularizers.none import Unregularized
from gan_zoo.training.build import build_trainer
from gan_zoo.training.trackers import Untracked

RATE = 0.1


def path(loss, regularizer, steps, *, simultaneous=True):
    """Return (theta, psi) at the start (1, 1) and after each step of plain gradient descent."""
    sgd = partial(torch.optim.SGD, lr=RATE)
    trainer = build_trainer(
        RunComponents(
            dataset=dirac(),
            generator=DiracGenerator,
            discriminator=DiracDiscriminator,
            loss=loss,
            regularizer=regularizer,
            optimizers=(sgd, sgd),
            latents=Normal(),
            labels=UniformLabels(),
            extractor=None,
            tracker=Untracked(),
            trainer=TrainerSettings(
                batch_size=5, generator_batch_size=5, simultaneous=simultaneous
            ),
            aux=AuxiliarySettings(weight_d=0, weight_g=0, on_fake=False),
            evaluation=EvaluationSettings(),
            seed=0,
            device=torch.device("cpu"),
        )
    )
    points = [(1.0, 1.0)]
    for _ in range(steps):
        trainer.step()
        points.append((trainer.generator.theta.item(), trainer.discriminator.psi.item()))
    return points


def distances(points):
    return [math.hypot(*point) for point in points]


def sigmoid(v):
    return 1 / (1 + math.exp(-v))


@pytest.mark.parametrize(
    ("loss", "pull"),
    [(Minimax(), sigmoid), (Bce(), lambda v: sigmoid(-v)), (Wgan(), lambda v: 1.0)],
)
@pytest.mark.parametrize("gamma", [0.0, 0.7])
def test_steps_are_those_of_the_gradient_field(loss, pull, gamma):
    """theta moves with psi times G's slope at the score v = theta psi, psi against theta times D's.

    D's loss on fakes is softplus(v) (slope sigmoid) or v; R1 adds gamma psi.
    """
    theta = psi = 1.0
    slope = (lambda v: 1.0) if isinstance(loss, Wgan) else sigmoid
    for actual in path(loss, R1(gamma) if gamma else Unregularized(), 60):
        assert actual == pytest.approx((theta, psi), abs=1e-4)
        score = theta * psi
        theta, psi = (
            theta + RATE * psi * pull(score),
            psi - RATE * (theta * slope(score) + gamma * psi),
        )


def test_simultaneous_unregularised_training_does_not_converge():
    far = distances(path(Minimax(), Unregularized(), 800))
    assert far[-1] > far[400] > far[0]
    slow = distances(path(Bce(), Unregularized(), 800))
    assert min(slow) > 0.3


@pytest.mark.parametrize("loss", [Minimax(), Bce(), Wgan()])
def test_r1_converges(loss):
    # linearised at (0, 0): |eigenvalue| <= 1 - rate gamma / 2 + O(rate^2) a step
    assert distances(path(loss, R1(1.0), 800))[-1] < 1e-5


def test_wgan_gp_circles():
    """Around theta = 0 the penalty holds |psi| near the target, so that theta never rests."""
    points = path(Wgan(), GradientPenalty(weight=0.35, target=1.0), 800)
    assert min(distances(points)) > 0.1
    for axis in (0, 1):
        last = [point[axis] for point in points[-200:]]
        assert min(last) < -0.5
        assert max(last) > 0.5


def test_wgan_gp_under_strong_damping_rests_at_a_wrong_point():
    """At psi = 0 and theta = 2 weight target, up to signs, D's two gradients cancel."""
    points = path(Wgan(), GradientPenalty(weight=1.0, target=0.3), 800)
    for theta, psi in points[-200:]:
        assert (abs(theta), psi) == (pytest.approx(0.6, abs=1e-3), pytest.approx(0, abs=1e-3))


def test_alternating_steps_circle():
    far = distances(path(Minimax(), Unregularized(), 800, simultaneous=False))
    assert min(far) > 1
    assert max(far) < 2
