"""Two parallel lines: closed forms against atoms on the lines, and the experiment in a hurry."""

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import rel_entr

from gan_zoo.experiments.parallel_lines import QUANTITIES, jensen_shannon, kl, wasserstein

ROOT = Path(__file__).parents[2]
ATOMS = 40


@pytest.mark.parametrize("theta", [0.0, 1e-6, 0.3, -2.0])
def test_closed_forms_are_those_of_equal_atoms_on_the_lines(theta):
    y = (np.arange(ATOMS) + 0.5) / ATOMS
    real, fake = (np.stack([np.full(ATOMS, x), y], 1) for x in (0.0, theta))
    points = np.unique(np.concatenate([real, fake]), axis=0)
    p, q = ((points[:, None] == side).all(2).any(1) / ATOMS for side in (real, fake))
    m = (p + q) / 2
    js = (rel_entr(p, m).sum() + rel_entr(q, m).sum()) / 2
    assert jensen_shannon(theta) == pytest.approx(js, abs=1e-10)
    for exact in (rel_entr(p, q).sum(), rel_entr(q, p).sum()):
        assert kl(theta) == pytest.approx(exact, abs=1e-10)
    cost = cdist(real, fake)
    assert wasserstein(theta) == pytest.approx(cost[linear_sum_assignment(cost)].mean(), abs=1e-10)


def test_the_estimates_are_what_the_losses_say_at_their_optimum():
    """D's loss of two disjoint sets: 0 for the cross-entropy, minus the distance for a critic."""
    assert QUANTITIES["minimax"].estimate(0.0, 5.0) == pytest.approx(math.log(2))
    assert QUANTITIES["bce"].estimate(math.log(4), 5.0) == pytest.approx(0)
    assert QUANTITIES["fgan_kl"].estimate(-3.0, 5.0) == 3
    assert QUANTITIES["wgan_gp"].estimate(-3.0, 5.0) == 3
    assert QUANTITIES["wgan"].estimate(-3.0, 5.0) == pytest.approx(0.6)


def test_the_experiment(tmp_path):
    """wgan_gp's critic finds the distance and gives G a slope of 1; minimax's gives less."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "experiment=parallel_lines",
         "loss=minimax,wgan_gp", "model.generator.theta=1.0", "seed=0", "trainer.epochs=4",
         "data.samples=6000", "evaluation.every=4", f"hydra.sweep.dir={tmp_path}"],
        cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    with (tmp_path / "parallel_lines.csv").open() as file:
        rows = list(csv.DictReader(file))
    last = {row["loss"]: row for row in rows if row["updates"] == rows[-1]["updates"]}
    assert float(last["wgan_gp"]["estimate"]) == pytest.approx(1, abs=0.15)
    assert float(last["wgan_gp"]["gradient"]) == pytest.approx(1, abs=0.15)
    assert 0.4 < float(last["minimax"]["estimate"]) <= math.log(2)
    assert float(last["minimax"]["gradient"]) < 0.5
    assert (tmp_path / "parallel_lines.png").read_bytes()[:4] == b"\x89PNG"
    assert "Distances of two parallel lines" in done.stdout
