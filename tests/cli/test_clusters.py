"""Sweeps by submitit and Ray: whatever becomes of one job, the others go on and the end tells.

Ray: pip install 'gan-zoo[ray]', then pytest tests/cli/test_clusters.py.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gan_zoo.cli.status import survey
from gan_zoo.runs.lock import alive, owner
from gan_zoo.runs.record import read_record

ROOT = Path(__file__).parents[2]
TINY = ["data=ring", "data.samples=600", "model=mlp", "model.generator.hidden=[4]",
        "model.discriminator.hidden=[4]", "latents=normal", "aux=none", "trainer.epochs=2",
        "trainer.max_steps=5", "trainer.batch_size=8", "trainer.generator_batch_size=8",
        "evaluation.samples=20", "evaluation.final_samples=20", "evaluation.loss_samples=20",
        "trainer.threads=1", "device=cpu", "sweep_name=mine"]  # fmt: skip
LOSSES = """
import os, pathlib, signal, time
from gan_zoo.losses.bce import Bce

class Broken(Bce):
    def generator(self, fake, real=None):
        raise RuntimeError("as it was asked to")

class Deadly(Bce):
    def generator(self, fake, real=None):
        os.kill(os.getpid(), signal.SIGKILL)

class Patient(Bce):  # waits at each step while there is a file called wait
    def discriminator(self, real, fake):
        while pathlib.Path("wait").exists():
            pathlib.Path("waiting").touch()
            time.sleep(0.05)
        return super().discriminator(real, fake)
"""


@pytest.fixture
def cwd(tmp_path):
    """A folder with ``loss=broken``, ``loss=deadly`` and ``loss=patient``, which waits."""
    (tmp_path / "my_losses.py").write_text(LOSSES)
    (tmp_path / "conf/loss").mkdir(parents=True)
    for name in ("Broken", "Deadly", "Patient"):
        text = f"# @package _global_\nloss:\n  _target_: my_losses.{name}\n"
        (tmp_path / f"conf/loss/{name.lower()}.yaml").write_text(text)
    (tmp_path / "wait").touch()
    return tmp_path


def start(cwd, *arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), "--config-dir", "conf", "-m", *TINY, *arguments],
        cwd=cwd, env={**environment, "RAY_AUTH_MODE": "disabled"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(happened, process):
    until = time.monotonic() + 600
    while not (found := happened()):
        assert time.monotonic() < until
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    return found


def states(sweep):
    return {line.run.split("-")[0]: line.state for line in survey(sweep)}


@pytest.mark.slow
def test_submitit_a_warned_job_saves_and_goes_on_and_a_dead_one_leaves_the_others_alone(cwd):
    """The warning is what SLURM sends before its time limit; submitit puts the job back."""
    pytest.importorskip("submitit", reason="the extra [slurm] is not installed")
    sweep = cwd / "multirun/mine"
    local = ["hydra/launcher=submitit_local", "hydra.launcher.n_jobs=2"]
    process = start(cwd, *local, "loss=patient,deadly")
    wait_for((cwd / "waiting").exists, process)
    (patient,) = sweep.glob("patient*")
    first = owner(patient)
    os.kill(first.pid, signal.SIGUSR2)
    (cwd / "wait").unlink()
    _, err = process.communicate(timeout=900)
    assert process.returncode == 1
    assert states(sweep) == {"patient": "finished", "deadly": "interrupted"}
    record = read_record(patient)
    (resumed,) = record.resumed
    assert (resumed["epoch"], resumed["step"]) == (1, 1)  # it finished its step and saved
    assert record.environment["threads"] == 1
    assert "loss=deadly" in err
    assert "1 of 2 runs did not finish" in err
    assert (sweep / "report.html").exists()
    told = "".join(path.read_text() for path in sweep.glob(".submitit/*/*_log.err"))
    assert "SIGUSR2: finishing the step and saving" in told
    before = {path: path.read_bytes() for path in patient.glob("*.*") if path.is_file()}
    process = start(cwd, *local, "loss=patient")  # again: it is done
    process.communicate(timeout=900)
    assert process.returncode == 1  # the other one of the sweep is not
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.fixture
def cluster(monkeypatch, tmp_path_factory):
    """Two nodes of one processor each."""
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    os.environ["RAY_AUTH_MODE"] = "disabled"
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 100_000_000}
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))  # where a cluster's workers are
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    yield cluster
    cluster.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own
def test_ray_eight_jobs_on_two_nodes_of_which_one_fails_one_dies_and_one_is_killed(cluster, cwd):
    sweep = cwd / "multirun/mine"
    ray = ["hydra/launcher=ray", f"hydra.launcher.address={cluster.address}",
           "hydra.launcher.retries=1"]  # fmt: skip
    process = start(cwd, *ray, "loss=patient,broken,deadly,bce,lsgan,minimax,hinge,wgan")
    wait_for((cwd / "waiting").exists, process)
    (patient,) = sweep.glob("patient*")
    first = owner(patient)
    os.kill(first.pid, signal.SIGKILL)
    wait_for(lambda: alive(patient) and owner(patient) != first, process)  # begun again by Ray
    (cwd / "wait").unlink()
    _, err = process.communicate(timeout=900)
    assert process.returncode == 1
    found = states(sweep)
    assert found.pop("broken") == "failed"
    assert found.pop("deadly") == "interrupted"
    assert set(found.values()) == {"finished"}
    assert len(found) == 6
    assert "2 of 8 runs did not finish" in err
    assert "loss=deadly died: " in err
    assert (sweep / "report.html").exists()
    before = read_record(patient).started
    process = start(cwd, *ray, "loss=patient,bce")
    _, err = process.communicate(timeout=900)
    assert process.returncode == 1  # the sweep still has two that did not finish
    assert read_record(patient).started == before


def test_what_slurm_is_given_and_its_refusal_is_told(tmp_path):
    """With an ``sbatch`` that keeps the job file and refuses: no SLURM is needed."""
    pytest.importorskip("submitit", reason="the extra [slurm] is not installed")
    tools = {
        "srun": "", "sbatch": 'cp "${!#}" job.sh; echo "invalid partition specified" >&2; exit 1',
    }  # fmt: skip
    for name, body in tools.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    done = launched(
        tmp_path, "loss=bce,wgan", "hydra/launcher=submitit_slurm",
        "hydra.launcher.parameters.slurm_partition=gpu", PATH=f"{tmp_path}:{os.environ['PATH']}",
    )  # fmt: skip
    assert done.returncode == 1
    assert "invalid partition specified" in done.stderr
    assert "Traceback" not in done.stderr
    job = (tmp_path / "job.sh").read_text()
    for option in ("partition=gpu", "gpus-per-node=1", "cpus-per-task=4", "time=240", "mem=16GB",
                   "signal=USR2@120", "open-mode=append", "array=0-1%2"):  # fmt: skip
        assert f"#SBATCH --{option}\n" in job
    assert "export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK" in job


def launched(cwd, *arguments, **environment):
    environment = {**os.environ, "PYTHONPATH": f"{cwd}:{ROOT}", **environment}
    return subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "-m", *arguments],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("launcher", "missing", "extra"),
    [("submitit_local", "submitit", "slurm"), ("ray", "ray", "ray")],
)
def test_a_launcher_without_its_package_names_the_extra(tmp_path, launcher, missing, extra):
    (tmp_path / f"{missing}.py").write_text("raise ImportError('not here')\n")
    done = launched(tmp_path, "loss=bce", f"hydra/launcher={launcher}")
    assert done.returncode == 1
    assert f"pip install 'gan-zoo[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
