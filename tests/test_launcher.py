"""Sweeps on several processes: threads, report and exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_zoo.cli import threads_of_a_worker
from gan_zoo.configuration import explain
from gan_zoo.records import read_record

ROOT = Path(__file__).parents[1]
TINY = ["trainer.epochs=1", "trainer.max_steps=2", "trainer.batch_size=4", "device=cpu",
        "trainer.generator_batch_size=4", "model.generator.width=0.02",
        "model.discriminator.width=0.05", "evaluation.samples=20", "evaluation.final_samples=20",
        "evaluation.loss_samples=20", "evaluation.floors=false", "evaluation.extractor=none",
        ]  # fmt: skip


def test_joblib_s_workers_share_the_cores_and_the_sweep_ends_as_any_other(tmp_path):
    """Even where the user's environment asks for more threads; one of the two runs is a mistake."""
    environment = {**os.environ, "OMP_NUM_THREADS": "3", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "-m", "hydra/launcher=joblib",
         "hydra.launcher.n_jobs=2", "hydra.sweep.dir=sweep", "regularizer=weight_clip",
         "regularizer.clip=-1,1", *TINY],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    records = [read_record(path.parent) for path in tmp_path.glob("sweep/*/record.json")]
    statuses = {record.status: record for record in records}
    assert set(statuses) == {"finished", "failed"}, done.stderr
    threads = statuses["finished"].environment["threads"]
    assert threads == threads_of_a_worker(2) != 3
    assert done.returncode == 1
    assert "1 of 2 runs did not finish" in done.stderr
    assert (tmp_path / "sweep/report.html").exists()


@pytest.mark.parametrize(
    ("workers", "cores", "threads"),
    [(-1, 8, 1), (8, 8, 1), (2, 8, 4), (3, 8, 2), (16, 8, 1), (-2, 8, 1), (-5, 8, 2), (1, 1, 1)],
)
def test_workers_share_the_cores_and_have_a_thread_each_at_least(workers, cores, threads):
    assert threads_of_a_worker(workers, cores) == threads


def test_a_missing_launcher_names_the_extra_that_brings_it():
    error = Exception("could not find it")
    error.options, error.missing_cfg_file = ["basic"], "hydra/launcher/joblib"
    assert "pip install 'gan-zoo[joblib]'" in explain(error)
    error.missing_cfg_file = "hydra/launcher/jobs"
    assert "pip install" not in explain(error)
