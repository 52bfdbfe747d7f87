"""Two clusters: where G starts, what counts as having left, and the experiment in a hurry."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gan_zoo.data.toys import two_clusters
from gan_zoo.experiments.two_clusters import collapsed_generator

ROOT = Path(__file__).parents[2]


def test_all_points_start_at_the_same_place_and_can_part():
    torch.manual_seed(0)
    generator = collapsed_generator(image_shape=(1,), num_classes=2, at=0.15)
    z, labels = torch.rand(20, 1), torch.zeros(20, dtype=torch.int64)
    points = generator(z, labels)
    assert points.tolist() == [[pytest.approx(0.15)]] * 20
    (points * torch.linspace(-1, 1, 20)[:, None]).sum().backward()
    assert generator.out.weight.grad.abs().min() > 0
    with pytest.raises(ValueError, match=r"generator\.at is inf"):
        collapsed_generator(image_shape=(1,), num_classes=2, at=float("inf"))


def test_half_of_the_points_are_in_each_cluster():
    data = two_clusters(samples=6000)
    points, labels = data.train.images[:, 0], data.train.labels
    assert abs(labels.float().mean() - 0.5) < 0.04
    for label, low in ((0, 0.0), (1, 4.0)):
        mine = points[labels == label]
        assert low <= mine.min() < low + 0.01
        assert low + 0.29 < mine.max() <= low + 0.3001
        assert abs(mine.mean() - low - 0.15) < 0.01


def test_the_experiment(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "experiment=two_clusters", "loss=rsgan", "seed=0",
         "trainer.epochs=3", "evaluation.every=3", f"hydra.sweep.dir={tmp_path}"],
        cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    with (tmp_path / "two_clusters.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["updates"]) for row in rows] == [0, 100, 200, 300]
    assert float(rows[0]["share"]) == 0
    assert (tmp_path / "two_clusters.png").read_bytes()[:4] == b"\x89PNG"
    assert "rsgan" in done.stdout.partition("Seeds with 25% or more")[2]
