"""Vanishing gradients: what is measured, that G stands still, and the experiment in a hurry."""

import copy
import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gan_zoo.config.build import build
from gan_zoo.config.compose import compose_config
from gan_zoo.experiments.vanishing_gradient import BATCHES, LOSSES, Duel, course, measured, ordered
from gan_zoo.training.build import build_trainer

ROOT = Path(__file__).parents[2]
LINES = ("experiment=parallel_lines", "model.generator.theta=1.0", "data.samples=3000")


def line(loss, seed=0):
    words = (*LINES, f"loss={loss}", f"seed={seed}", "device=cpu")
    return Duel("line", loss, seed, words, None)


def test_ordered_is_the_area_under_the_roc():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 1.0, 2.0, 4.0])
    assert ordered(real, fake) == pytest.approx((1.5 + 3) / 8)
    assert ordered(fake, real) == pytest.approx(1 - 4.5 / 8)


def test_the_gradient_is_that_of_g_s_loss():
    """On the line, G's only weight is theta: its gradient is the mean slope of the loss there."""
    trainer = build_trainer(build(compose_config(line("wgan_gp").words)))
    rngs = trainer.generator_rng.get_state()
    _, gradient = measured(trainer)
    trainer.generator_rng.set_state(rngs)
    slopes = []
    for _ in range(BATCHES):
        z, labels = trainer.draw(trainer.settings.generator_batch_size, trainer.generator_rng)
        points = trainer.generator(z, labels).detach().requires_grad_()
        trainer.discriminator(points).scores.mean().backward()
        slopes.append(abs(points.grad[:, 0].sum().item()))
    assert gradient == pytest.approx(sum(slopes) / BATCHES, rel=1e-4)


def test_only_the_critic_is_trained():
    trainer = build_trainer(build(compose_config(line("minimax").words)))
    before = copy.deepcopy(trainer.generator.state_dict())
    measured(trainer)
    assert trainer.generator.state_dict() == before
    assert not trainer.logs["gradient_norm_generator"]


def test_two_lines_tell_the_losses_apart():
    """Minimax's gradient is gone once D is sure, WGAN-GP's comes to the slope 1 that D may have."""
    ends = {}
    for loss in ("minimax", "bce", "wgan_gp"):
        rows = course(line(loss), 195)
        assert [row["updates"] for row in rows] == list(range(0, 196, 13))
        assert rows[-1]["accuracy"] > 0.99
        ends[loss] = rows[-1]["gradient"]
    assert ends["minimax"] < 0.1
    assert ends["bce"] > 10 * ends["minimax"]
    assert ends["wgan_gp"] == pytest.approx(1, abs=0.1)


def test_the_experiment(tmp_path):
    code = (
        "import gan_zoo.experiments.vanishing_gradient as v\n"
        "v.summarise.__defaults__ = (3, 1); v.LOSSES = ('bce', 'wgan_gp')\n"
        "from gan_zoo.cli.train import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "experiment=vanishing_gradient", "seed=0", "trainer.epochs=1",
         "trainer.max_steps=2", "evaluation.every=1", f"hydra.sweep.dir={tmp_path}"],
        cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    with (tmp_path / "vanishing_gradient.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * 4
    assert {row["generator"] for row in rows} == {"G of 1 epoch", "line at distance 1"}
    assert all(float(row["gradient"]) > 0 for row in rows if row["generator"] == "G of 1 epoch")
    assert (tmp_path / "vanishing_gradient.png").read_bytes()[:4] == b"\x89PNG"
    assert "Norm of G's gradient before and after 3 updates" in done.stdout


def test_every_loss_is_an_option():
    there = {path.stem for path in (ROOT / "conf/loss").glob("*.yaml")}
    assert set(LOSSES) <= there
