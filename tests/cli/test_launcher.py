"""Sweeps on several processes: threads, report and exit code."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra import compose, initialize_config_dir

from gan_zoo.config.build import config_folder
from gan_zoo.runs.lock import alive, owner
from gan_zoo.runs.record import read_record
from gan_zoo.runs.workers import threads_of_a_worker, workers_of
from gan_zoo.training.signals import Interrupted
from gan_zoo.types import ConfigurationError
from hydra_plugins.gan_zoo.joblib_launcher import JoblibLauncher, Worker
from tests.cli.test_sweep_resume import RUN, wait_for
from tests.cli.test_sweep_resume import TINY as TWO_EPOCHS

ROOT = Path(__file__).parents[2]
TINY = ["trainer.epochs=1", "trainer.max_steps=2", "trainer.batch_size=4", "device=cpu",
        "trainer.generator_batch_size=4", "model.generator.width=0.02",
        "model.discriminator.width=0.05", "evaluation.samples=20", "evaluation.final_samples=20",
        "evaluation.loss_samples=20", "evaluation.reference_scores=false",
        "evaluation.extractor=none",
        ]  # fmt: skip


def test_joblib_s_workers_share_the_cores_and_the_sweep_ends_as_any_other(tmp_path):
    """Even where the user's environment asks for more threads; one of the two runs is a mistake."""
    share = threads_of_a_worker(2)
    environment = {**os.environ, "OMP_NUM_THREADS": str(share + 1), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "-m", "hydra/launcher=joblib",
         "hydra.launcher.n_jobs=2", "hydra.sweep.dir=sweep", "regularizer=weight_clip",
         "regularizer.clip=-1,1", *TINY],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    records = [read_record(path.parent) for path in tmp_path.glob("sweep/*/record.json")]
    statuses = {record.status: record for record in records}
    assert set(statuses) == {"finished", "failed"}, done.stderr
    assert statuses["finished"].environment["threads"] == share
    assert done.returncode == 1
    assert "1 of 2 runs did not finish" in done.stderr
    assert (tmp_path / "sweep/report.html").exists()


@pytest.mark.parametrize(
    ("workers", "cores", "threads"),
    [(-1, 8, 1), (8, 8, 1), (2, 8, 4), (3, 8, 2), (16, 8, 1), (-2, 8, 1), (-5, 8, 2), (1, 1, 1)],
)
def test_workers_share_the_cores_and_have_a_thread_each_at_least(workers, cores, threads):
    assert threads_of_a_worker(workers, cores) == threads


@pytest.mark.parametrize("n_jobs", [0, 1.5, "all", None, True])
def test_no_number_of_workers(n_jobs):
    with pytest.raises(ConfigurationError, match=r"n_jobs is .*; allowed: 1 or more, or -1"):
        workers_of(n_jobs)


POINTS = [word for word in TWO_EPOCHS if not word.startswith("trainer.epochs=")]


def start(cwd, *arguments):
    """Runs of ``test_sweep_resume`` in two workers, each into ``multirun/mine/<epochs>``."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, "-m", *POINTS, "hydra/launcher=joblib",
         "hydra.launcher.n_jobs=2", "hydra.sweep.subdir=${trainer.epochs}", *arguments],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def training(run):
    return (run / "record.json").exists() and alive(run)


def test_a_killed_worker_takes_its_run_along_and_leaves_the_others_alone(tmp_path):
    sweep = tmp_path / "multirun/mine"
    process = start(tmp_path, "trainer.epochs=40000,1,2,3")
    wait_for(lambda: training(sweep / "40000"), process)
    os.kill(owner(sweep / "40000").pid, signal.SIGKILL)
    _, err = process.communicate(timeout=900)
    assert process.returncode == 1
    assert "trainer.epochs=40000 died: " in err
    assert "SIGKILL" in err
    assert "1 of 4 runs did not finish:\n  40000: interrupted" in err
    assert {read_record(sweep / name).status for name in "123"} == {"finished"}


def test_signals_reach_the_workers_and_a_killed_sweep_leaves_none_behind(tmp_path):
    runs = [tmp_path / "multirun/mine" / name for name in ("40000", "40001")]

    def begun(times):
        process = start(tmp_path, "trainer.epochs=40000,40001,1")
        for run in runs:
            wait_for(lambda run=run: any(run.glob("checkpoints/state*")), process)
            wait_for(lambda run=run: len(read_record(run).resumed) == times, process)
        return process

    process = begun(0)
    # Ctrl-C comes to a whole group: workers in it would get two, and the second ends them unsaved
    assert process.pid not in {os.getpgid(owner(run).pid) for run in runs}
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=900)
    assert process.returncode == 128 + signal.SIGTERM
    assert "go on with the same command" in err
    assert {read_record(run).status for run in runs} == {"interrupted"}
    assert not (tmp_path / "multirun/mine/1").exists()
    process = begun(1)
    process.kill()
    process.communicate(timeout=900)  # the workers notice and end: they write there too
    assert {read_record(run).status for run in runs} == {"interrupted"}


def test_a_signal_while_a_worker_begins_lets_no_job_begin():
    class Beginning:
        """A pool that is signalled while its process starts, when there is none to pass on to."""

        def submit(self, function, *arguments):
            begun.append(function.__name__)
            os.kill(os.getpid(), signal.SIGTERM)
            return SimpleNamespace(result=lambda: heard.wait(10))

    begun, heard, launcher, worker = [], threading.Event(), JoblibLauncher(1), Worker()
    worker.signal = lambda number: heard.set()
    worker._loky = SimpleNamespace(
        ProcessPoolExecutor=lambda _: Beginning(), BrokenProcessPool=RuntimeError
    )
    launcher.workers.append(worker)
    with pytest.raises(Interrupted, match="SIGTERM"):
        launcher.run([object(), object()])
    assert begun == ["_begin"]


def test_the_families_are_compared_on_all_cores_the_longest_job_first():
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        config = compose("config", ["+experiment=compare_families"], return_hydra_config=True)
    assert config.hydra.launcher._target_.endswith("JoblibLauncher")
    assert config.hydra.launcher.n_jobs == -1
    assert config.hydra.sweeper.params.loss == "wgan,bce,lsgan,fgan_kl"


def test_a_comparison_in_two_workers_ends_with_its_table_and_report(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "+experiment=compare_families", "loss=bce,lsgan",
         "hydra.launcher.n_jobs=2", "hydra.sweep.dir=sweep", *TINY],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *runs, head, bce, lsgan, without, report = done.stdout.splitlines()
    assert [line.split(":")[0] for line in runs] == ["gan_zoo"] * 2
    assert head.split() == ["loss", "training", "time"]
    assert [row.split()[0] for row in (bce, lsgan)] == ["bce", "lsgan"]
    assert without == "no metrics were measured"
    assert report == f"gan_zoo: report: {tmp_path / 'sweep/report.html'}"
    assert "\x1b" not in done.stdout
