"""Optimistic gradient methods: their recurrences, games in which they come to rest, their state."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from gan_zoo import make_trainer
from gan_zoo.training.optimizers import OptimisticAdam, OptimisticSGD

DIRAC = ["data=dirac", "model=dirac", "latents=normal", "aux=none", "regularizer=none",
         "trainer.simultaneous=true", "trainer.lr_decay=0", "trainer.ema_decay=null",
         "trainer.n_critic=1", "trainer.batch_size=100", "trainer.generator_batch_size=100",
         "device=cpu"]  # fmt: skip


def quadratic(optimizer, start, steps):
    """The path on x^2 / 2 + x^4 / 4."""
    x = torch.tensor([start], dtype=torch.float64, requires_grad=True)
    made = optimizer([x])
    path = []
    for _ in range(steps):
        made.zero_grad()
        (x**2 / 2 + x**4 / 4).sum().backward()
        made.step()
        path.append(x.item())
    return path


def test_optimistic_sgd_is_its_recurrence():
    x, previous, expected = 1.5, None, []
    for _ in range(6):
        gradient = x + x**3
        x -= 0.1 * (2 * gradient - (gradient if previous is None else previous))
        previous = gradient
        expected.append(x)
    found = quadratic(lambda p: OptimisticSGD(p, lr=0.1), 1.5, 6)
    assert found == pytest.approx(expected, rel=1e-12)


def test_optimistic_adam_is_its_recurrence():
    x, m, v, previous, expected = 1.5, 0.0, 0.0, None, []
    for t in range(1, 7):
        gradient = x + x**3
        m, v = 0.5 * m + 0.5 * gradient, 0.9 * v + 0.1 * gradient**2
        direction = m / (1 - 0.5**t) / (math.sqrt(v / (1 - 0.9**t)) + 1e-8)
        x -= 0.1 * (2 * direction - (direction if previous is None else previous))
        previous = direction
        expected.append(x)
    found = quadratic(lambda p: OptimisticAdam(p, lr=0.1, betas=(0.5, 0.9)), 1.5, 6)
    assert found == pytest.approx(expected, rel=1e-12)


def distance(words, steps):
    trainer = make_trainer([*DIRAC, f"trainer.epochs={steps}", *words])
    for _ in range(steps):
        trainer.step()
    return math.hypot(trainer.generator.theta.item(), trainer.discriminator.psi.item())


def test_comes_to_rest_in_the_bilinear_game_in_which_gradient_descent_spirals_outwards():
    """loss=wgan on the Dirac-GAN: D's loss psi theta, G's -psi theta; 400 steps of 0.1.

    Descent multiplies the distance by sqrt(1 + 0.01) a step. The optimistic steps follow
    w_{t+1} = w_t - 0.1 A (2 w_t - w_{t-1}), A = [[0, -1], [1, 0]], with roots inside the circle.
    """
    plain = ["optimizer=sgd", "optimizer.discriminator.momentum=0", "loss=wgan"]
    settings = ["regularizer=none", "trainer.n_critic=1", "tuned=paper"]
    descent = distance([*plain, *settings], 400)
    assert descent == pytest.approx(math.sqrt(2) * 1.01**200, rel=1e-3)
    last = now = np.array([1.0, 1.0])
    turn = 0.1 * np.array([[0.0, -1.0], [1.0, 0.0]])
    for _ in range(400):
        last, now = now, now - turn @ (2 * now - last)
    found = distance(["optimizer=optimistic_sgd", "loss=wgan", *settings], 400)
    assert found == pytest.approx(np.linalg.norm(now), rel=1e-3)
    assert found < 0.3


@pytest.mark.parametrize("name", ["optimistic_adam", "optimistic_sgd"])
def test_resumes_bit_for_bit_on_the_default_network(name):
    words = [f"optimizer={name}", "model.generator.width=0.02", "trainer.batch_size=10",
             "trainer.generator_batch_size=10", "device=cpu", "trainer.epochs=1",
             "trainer.max_steps=8", "evaluation.extractor=none"]  # fmt: skip
    whole, broken, resumed = (make_trainer(words) for _ in range(3))
    for _ in range(4):
        whole.step()
    for _ in range(2):
        broken.step()
    resumed.load_state_dict(broken.state_dict())
    for _ in range(2):
        resumed.step()
    assert whole.collect() == resumed.collect()


PROGRAM = """
import sys, torch
from gan_zoo.training.optimizers import without_compiler

if sys.argv[1] == "without":
    without_compiler()
torch.manual_seed(0)
for make in (
    lambda p: torch.optim.Adam(p, 1e-2, fused=True), lambda p: torch.optim.RMSprop(p, 1e-2),
    lambda p: torch.optim.SGD(p, 1e-2, momentum=0.5), lambda p: torch.optim.AdamW(p, 1e-2),
):
    layer = torch.nn.Linear(3, 2)
    optimizer = make(layer.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.randn(4, 3)).square().sum().backward()
        optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    assert torch.is_grad_enabled() and all(p.requires_grad for p in layer.parameters())
    print(layer.weight.tolist())
print("torch._dynamo" in sys.modules)
"""


def test_optimizers_do_the_same_without_importing_the_compiler():
    outputs = {
        way: subprocess.run(
            [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for way in ("with", "without")
    }
    assert outputs["with"].pop() == "True"
    assert outputs["without"].pop() == "False"
    assert outputs["with"] == outputs["without"]
    assert len(outputs["with"]) == 4
