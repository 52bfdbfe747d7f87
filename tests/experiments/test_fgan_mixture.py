"""f-GAN's univariate experiment, as its users run it, comes as near to the truth as the paper."""

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gan_zoo.experiments.fgan_mixture import Fit, behind, holds
from gan_zoo.experiments.truth import Gaussian

ROOT = Path(__file__).parents[2]
NAMES = ["kl", "reverse_kl", "jensen_shannon", "jeffrey", "pearson", "neyman", "squared_hellinger"]
REDUCED = ["data.samples=600000"]  # half the updates
# The optima of Jensen-Shannon, Jeffrey and Hellinger are within 0.06 of each other, so that the
# noise in where a run stops may decide between them; this much of D* is granted to it. At half the
# updates Jeffrey stops 0.8% of D* behind Hellinger's run in its own column, so 1e-3 does not hold.
NOISE = 1e-2


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open() as file:
        return {row["trained with"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The experiment's folder after a sweep over the seven divergences."""
    folder = tmp_path_factory.mktemp("fgan_mixture")
    losses = "loss=" + ",".join(f"fgan_{name}" for name in NAMES)
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "experiment=fgan_mixture", losses, *REDUCED,
         f"hydra.sweep.dir={folder}"],
        cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "7 of 7" in done.stdout
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_best_gaussian_and_its_divergence_are_found(name, folder):
    found = {key: float(value) for key, value in rows(folder / "fgan_mixture.csv")[name].items()
             if key not in ("trained with", "within bars")}  # fmt: skip
    assert found["mu"] == pytest.approx(found["mu*"], abs=0.1)
    assert found["sigma"] == pytest.approx(found["sigma*"], abs=0.1)
    assert 0.88 * found["D*"] <= found["bound F"] <= found["D*"]
    assert found["bound F"] <= found["exact D"]  # of the learned Gaussian: it is a lower bound


@pytest.mark.parametrize("name", NAMES)
def test_who_trained_with_a_divergence_is_best_in_it(name, folder):
    cross = rows(folder / "fgan_mixture_cross.csv")
    assert list(cross) == NAMES
    column = {trained: float(row[name]) for trained, row in cross.items()}
    best = float(rows(folder / "fgan_mixture.csv")[name]["D*"])
    assert column[name] <= min(column.values()) + NOISE * best
    assert all(value >= best - 1e-9 for value in column.values())


def test_the_bars_are_the_paper_s():
    at_best = Fit("kl", None, 1.0, 2.0, 0.5, Gaussian(1.0, 2.0, 0.5))
    assert holds(at_best)
    assert holds(replace(at_best, mu=0.91, sigma=2.09, bound=0.45))
    for wrong in ({"mu": 0.89}, {"sigma": 2.11}, {"bound": 0.501}, {"bound": 0.43}):
        assert not holds(replace(at_best, **wrong))
    negative = replace(at_best, best=Gaussian(1.0, 2.0, -1.0))  # as for the GAN's divergence
    assert holds(replace(negative, bound=-1.1))
    assert not holds(replace(negative, bound=-1.2))
    assert not holds(replace(negative, bound=-0.9))


def test_behind_the_best_of_the_column():
    cross = [
        {"trained with": "kl", "kl": 2.0, "gan": -1.1},
        {"trained with": "gan", "kl": 1.6, "gan": -1.0},
    ]
    assert behind(cross) == pytest.approx({"kl": 25.0, "gan": 100 * 0.1 / 1.1})
