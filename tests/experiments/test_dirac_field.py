"""Fields of the Dirac-GAN against their closed forms, and the summary over a quick sweep."""

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_zoo.config.build import build
from gan_zoo.config.compose import compose_config
from gan_zoo.experiments.dirac import consensus, field, followed, instance_noise, velocity_of
from gan_zoo.losses.bce import Bce
from gan_zoo.losses.minimax import Minimax
from gan_zoo.losses.wgan import Wgan
from gan_zoo.training.build import build_trainer

ROOT = Path(__file__).parents[2]
POINTS = [(1.0, 1.0), (-0.7, 1.3), (0.4, -1.9), (0.0, 0.6)]


def sigmoid(v):
    return 1 / (1 + math.exp(-v))


def of(*words):
    return velocity_of(
        build_trainer(build(compose_config(["experiment=dirac", "optimizer=sgd", *words])))
    )


@pytest.mark.parametrize(
    ("words", "closed"),
    [
        (["loss=minimax"], lambda t, p: (p * sigmoid(t * p), -t * sigmoid(t * p))),
        (["loss=bce"], lambda t, p: (p * sigmoid(-t * p), -t * sigmoid(t * p))),
        (["loss=r1"], lambda t, p: (p * sigmoid(-t * p), -t * sigmoid(t * p) - 0.3 * p)),
        (
            ["loss=minimax", "regularizer=r1", "regularizer.gamma=1"],
            lambda t, p: (p * sigmoid(t * p), -t * sigmoid(t * p) - p),
        ),
        (
            ["loss=wgan_gp"],
            lambda t, p: (p, -t - 0.7 * (abs(p) - 1) * math.copysign(1, p)),
        ),
    ],
)
def test_the_trainer_s_field_is_the_published_one(words, closed):
    velocity = of(*words)
    for point in POINTS:
        assert velocity(*point) == pytest.approx(closed(*point), abs=1e-5)


def test_no_arrow_where_the_clip_forbids_psi():
    arrows = field(of("loss=wgan"), 1.0)
    inside = abs(arrows[:, 1]) <= 0.3
    assert 0 < inside.sum() < len(arrows)
    assert [not math.isnan(speed) for speed in arrows[:, 3]] == inside.tolist()


def test_consensus_optimization_of_the_bilinear_game():
    """v = (psi, -theta), so that ||v||^2 / 2 pulls straight to (0, 0)."""
    for theta, psi in POINTS:
        expected = (psi - 0.4 * theta, -theta - 0.4 * psi)
        assert consensus(Wgan(), 0.4)(theta, psi) == pytest.approx(expected, abs=1e-12)


def test_consensus_optimization_of_minimax():
    """||v||^2 / 2 = (theta^2 + psi^2) s^2 / 2 with s = sigmoid(theta psi)."""
    for t, p in POINTS:
        s = sigmoid(t * p)
        half = (t * t + p * p) * s * s * (1 - s)  # its slope by the score
        expected = (p * s - (t * s * s + half * p), -t * s - (p * s * s + half * t))
        assert consensus(Minimax(), 1.0)(t, p) == pytest.approx(expected, abs=1e-12)


def test_instance_noise_vanishes_with_its_size_and_damps_the_game():
    for point in POINTS:
        plain = consensus(Bce(), 0.0)(*point)
        assert instance_noise(Bce(), 1e-6)(*point) == pytest.approx(plain, abs=1e-9)
    # E sigmoid'(x) x^2 -> std^2 / 4 each of reals and fakes, at psi near 0: R1 with gamma std^2 / 2
    _, pull = instance_noise(Minimax(), 0.7)(0.0, 1e-4)
    assert pull == pytest.approx(-0.49 / 2 * 1e-4, rel=2e-2)  # 501 quantiles miss some of the tails


def test_followed_takes_simultaneous_steps():
    assert followed(lambda t, p: (p, -2 * t), 2, 0.1) == [
        (1, 1), (1.1, 0.8), (1.1 + 0.08, 0.8 - 0.22),
    ]  # fmt: skip


def test_the_experiment(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "experiment=dirac", "loss=minimax,r1",
         "trainer.epochs=3", f"hydra.sweep.dir={tmp_path}"],
        cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    with (tmp_path / "dirac.csv").open() as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    assert list(rows) == [
        "minimax", "r1", "minimax + R1, gamma 0.3", "minimax + R1, gamma 1",
        "minimax + instance noise 0.7", "minimax + consensus 1",
    ]  # fmt: skip
    distance = {name: float(row["last distance"]) for name, row in rows.items()}
    assert distance["minimax"] > math.sqrt(2)
    assert distance["minimax + R1, gamma 1"] < distance["minimax + R1, gamma 0.3"] < math.sqrt(2)
    assert (tmp_path / "dirac.png").read_bytes()[:4] == b"\x89PNG"
    assert "minimax + consensus 1" in done.stdout
