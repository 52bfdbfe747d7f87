"""Sweeps by submitit and Ray: a job that fails or dies does not end the others.

Ray: pip install 'gan-zoo[ray]', then pytest tests/cli/test_clusters.py.
"""

import os
import signal

import pytest

from gan_zoo.cli.status import survey
from gan_zoo.runs.lock import alive, owner
from gan_zoo.runs.record import read_record
from gan_zoo.types import ConfigurationError
from hydra_plugins.gan_zoo.cluster_launchers import RayLauncher, SubmititLauncher
from tests.cli.shell import POINTS, call, finish, start, wait_for, write_losses

WORDS = ["--config-dir", "conf", "-m", *POINTS, "trainer.threads=1", "sweep_name=mine"]


@pytest.fixture
def cwd(tmp_path):
    """A folder with ``loss=broken``, ``loss=deadly`` and ``loss=patient``, which waits."""
    write_losses(tmp_path)
    (tmp_path / "wait").touch()
    return tmp_path


def states(sweep):
    return {line.run.split("-")[0]: line.state for line in survey(sweep)}


@pytest.mark.slow
def test_submitit_a_warned_job_saves_and_resumes_and_a_dead_one_does_not_end_the_others(cwd):
    """The warning is what SLURM sends before its time limit; submitit puts the job back."""
    pytest.importorskip("submitit", reason="the extra [slurm] is not installed")
    sweep = cwd / "multirun/mine"
    local = [*WORDS, "hydra/launcher=submitit_local"]
    process = start(cwd, *local, "loss=patient,deadly")
    wait_for((cwd / "waiting").exists, process)
    (patient,) = sweep.glob("patient*")
    first = owner(patient)
    os.kill(first.pid, signal.SIGUSR2)
    (cwd / "wait").unlink()
    code, _, err = finish(process)
    assert code == 1
    assert states(sweep) == {"patient": "finished", "deadly": "interrupted"}
    record = read_record(patient)
    (resumed,) = record.resumed
    assert (resumed["epoch"], resumed["step"]) == (1, 1)  # it finished its step and saved
    assert record.environment["threads"] == 1
    assert "loss=deadly" in err
    assert "1 of 2 runs did not finish" in err
    assert (sweep / "report.html").exists()
    log = [line.partition(" ")[2] for line in (patient / "run.log").read_text().splitlines()]
    assert log[1] == "gan_zoo: SIGUSR2: finishing the step and saving"
    assert log[2] == "interrupted"
    assert any(line.startswith("resumed in epoch 1, step 1: ") for line in log[3:])
    assert log[-1] == "finished"
    message = "".join(path.read_text() for path in sweep.glob(".submitit/*/*_log.err"))
    assert "SIGUSR2: finishing the step and saving" in message
    before = {path: path.read_bytes() for path in patient.glob("*.*") if path.is_file()}
    code, _, _ = call(cwd, *local, "loss=patient")  # it is done
    assert code == 1  # the other one of the sweep is not
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.slow
def test_submitit_two_runs_in_one_job_of_which_one_dies(cwd):
    pytest.importorskip("submitit", reason="the extra [slurm] is not installed")
    local = [*WORDS, "hydra/launcher=submitit_local", "hydra.launcher.runs_per_job=2"]
    code, _, err = call(cwd, *local, "loss=bce,deadly,lsgan")
    assert code == 1
    sweep = cwd / "multirun/mine"
    assert states(sweep) == {"bce": "finished", "deadly": "interrupted", "lsgan": "finished"}
    assert len(list(sweep.glob(".submitit/*/*_result.pkl"))) == 2  # jobs
    assert "loss=deadly" in err


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
    ray = [*WORDS, "hydra/launcher=ray", f"hydra.launcher.address={cluster.address}",
           "hydra.launcher.retries=1"]  # fmt: skip
    losses = "loss=patient,broken,deadly,bce,lsgan,minimax,hinge,wgan"
    process = start(cwd, *ray, losses, RAY_AUTH_MODE="disabled")
    wait_for((cwd / "waiting").exists, process)
    (patient,) = sweep.glob("patient*")
    first = owner(patient)
    os.kill(first.pid, signal.SIGKILL)
    wait_for(lambda: alive(patient) and owner(patient) != first, process)  # retried by Ray
    (cwd / "wait").unlink()
    code, _, err = finish(process)
    assert code == 1
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


def test_the_job_that_slurm_gets_and_its_refusal(tmp_path):
    """With an ``sbatch`` that keeps the job file and refuses: no SLURM is needed.

    Three runs, two to a job, are an array of two jobs.
    """
    pytest.importorskip("submitit", reason="the extra [slurm] is not installed")
    tools = {
        "srun": "", "sbatch": 'cp "${!#}" job.sh; echo "invalid partition specified" >&2; exit 1',
    }  # fmt: skip
    for name, body in tools.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    code, _, err = call(
        tmp_path, "-m", "loss=bce,wgan,lsgan", "hydra/launcher=submitit_slurm",
        "hydra.launcher.runs_per_job=2", "hydra.launcher.parameters.slurm_partition=gpu",
        PATH=f"{tmp_path}:{os.environ['PATH']}",
    )  # fmt: skip
    assert code == 1
    assert "invalid partition specified" in err
    assert "Traceback" not in err
    job = (tmp_path / "job.sh").read_text()
    for option in ("partition=gpu", "gpus-per-node=1", "cpus-per-task=4", "time=240", "mem=16GB",
                   "signal=USR2@120", "open-mode=append", "array=0-1%2"):  # fmt: skip
        assert f"#SBATCH --{option}\n" in job
    assert "export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK" in job


@pytest.mark.parametrize(
    ("launcher", "extra"),
    [(SubmititLauncher("local", "logs", 1, {}), "slurm"), (RayLauncher(None, {}, 1), "ray")],
)
def test_a_launcher_without_its_package_names_the_extra(monkeypatch, launcher, extra):
    monkeypatch.setattr("gan_zoo.config.validate.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=rf"pip install 'gan-zoo\[{extra}\]'"):
        launcher.run([])
