"""GPUs of the workers of a sweep: found without torch, assigned by the worker's number."""

import subprocess
import sys
from collections import Counter

import pytest
from omegaconf import OmegaConf

from gan_zoo.cli.sweep import SweepFolder
from gan_zoo.config.compose import config_folder
from gan_zoo.runs.workers import report_idle, visible_gpus
from gan_zoo.types import ConfigurationError
from hydra_plugins.gan_zoo import launchers
from hydra_plugins.gan_zoo._jobs import Task
from hydra_plugins.gan_zoo.cluster_launchers import RayLauncher, SubmititLauncher, groups_of
from hydra_plugins.gan_zoo.launchers import BatchedLauncher, ProcessLauncher

WHOLE = "GPU 0: NVIDIA H100 (UUID: GPU-aa-1)\nGPU 1: NVIDIA H100 (UUID: GPU-bb-2)\n"
DIVIDED = "GPU 0: NVIDIA A100 (UUID: GPU-cc-3)\n  MIG 1g.5gb Device 0: (UUID: MIG-dd-4)\n"


@pytest.fixture
def listing(monkeypatch):
    """Return a function that fakes what ``nvidia-smi -L`` prints."""

    def fake(text):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        done = subprocess.CompletedProcess([], 0, stdout=text)
        monkeypatch.setattr("gan_zoo.runs.workers.subprocess.run", lambda *_, **__: done)

    return fake


def task(*words, device="auto"):
    return Task(None, None, OmegaConf.create({"device": device}), list(words), 0, ".", {})


def test_gpus_are_those_of_the_variable_else_of_the_driver(monkeypatch, listing):
    listing(WHOLE + DIVIDED.replace("GPU 0", "GPU 2"))
    assert visible_gpus() == ["GPU-aa-1", "GPU-bb-2", "MIG-dd-4"]
    for value, expected in (("2,5", ["2", "5"]), ("", []), ("-1", [])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        assert visible_gpus() == expected


def test_without_a_driver_there_is_no_gpu(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", "")
    assert visible_gpus() == []


def test_workers_are_spread_over_the_gpus():
    gpus = ["2", "5"]
    assert Counter(task().on(gpus, worker).gpu for worker in range(6)) == {"2": 3, "5": 3}
    assert task("device=cuda").on(gpus, 1).gpu == "5"
    assert task("device=cuda:1").on(gpus, 0).gpu is None  # as the user says
    assert task(device="cpu").on(gpus, 0).gpu is None
    assert task().on([], 0).gpu is None


def test_as_many_workers_as_the_gpus_take(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr("gan_zoo.runs.workers.cores_here", lambda: 64)
    assert ProcessLauncher(-1, per_gpu=3).n_jobs == 6
    assert ProcessLauncher(9, per_gpu=3).n_jobs == 9  # asked for
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert ProcessLauncher(-1, per_gpu=3).n_jobs == 64
    with pytest.raises(ConfigurationError, match="per_gpu must be at least 1, got 0"):
        ProcessLauncher(-1, per_gpu=0)


@pytest.fixture
def three_gpus(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_an_idle_gpu_is_reported(capsys):
    report_idle(3, 1, "do this")
    assert capsys.readouterr().err == "gan_zoo: 2 of 3 GPUs stay idle: do this\n"
    report_idle(3, 3, "do this")
    report_idle(0, 1, "do this")
    assert not capsys.readouterr().err


@pytest.mark.parametrize("launcher", ["processes", "batched", "basic"])
def test_a_sweep_says_which_gpus_it_leaves_idle(three_gpus, monkeypatch, capsys, launcher):
    def launch(*words):
        tasks = [task(*words)]
        if launcher == "processes":
            ProcessLauncher(1).report_idle(tasks)
        elif launcher == "batched":
            monkeypatch.setattr(launchers, "_run_batch", lambda tasks, stop: {0: "done"})
            BatchedLauncher(5).run(tasks)
        else:
            monkeypatch.setattr(SweepFolder, "folder", None)
            monkeypatch.setattr(SweepFolder, "after", None)
            config = {
                "device": "auto", "after_sweep": None,
                "hydra": {
                    "sweep": {"dir": "there"}, "overrides": {"task": list(words)},
                    "launcher": {"_target_": "hydra._internal.BasicLauncher"},
                },
            }  # fmt: skip
            SweepFolder().on_multirun_start(OmegaConf.create(config))
        return capsys.readouterr().err

    assert "2 of 3 GPUs stay idle" in launch("seed=1")
    assert not launch("device=cpu")
    assert not launch("device=cuda:1")


def test_the_runs_of_a_cluster_s_job_share_its_gpus(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,4")
    run = []
    monkeypatch.setattr(
        "hydra_plugins.gan_zoo.launchers.ProcessLauncher.run",
        lambda self, tasks: run.append((self.n_jobs, self.gpus, tasks)),
    )
    tasks = [task(f"seed={seed}") for seed in range(5)]
    groups = groups_of(tasks, 4)
    assert [len(group.tasks) for group in groups] == [4, 1]
    groups[0]()
    assert run == [(4, ["3", "4"], tasks[:4])]
    with pytest.raises(ConfigurationError, match="runs_per_job must be at least 1, got 0"):
        SubmititLauncher("slurm", "logs", 1, {}, runs_per_job=0)


def test_ray_s_jobs_take_a_share_of_the_gpus_there_are(capsys):
    preset = OmegaConf.load(config_folder() / "hydra/launcher/ray.yaml")
    jobs = [task("seed=1")]
    launcher = RayLauncher(preset.address, preset.job, preset.retries, per_gpu=4)
    assert launcher.job_of(jobs, gpus=2.0) == {"num_cpus": 1, "num_gpus": 0.25}
    assert launcher.job_of(jobs, gpus=0)["num_gpus"] == 0
    assert launcher.job_of([task("device=cpu")], gpus=2.0)["num_gpus"] == 0
    assert not capsys.readouterr().err
    none = RayLauncher(None, {"num_cpus": 1, "num_gpus": 0}, 1)
    assert none.job_of(jobs, gpus=2.0)["num_gpus"] == 0  # as the user says
    assert "2 of 2 GPUs stay idle" in capsys.readouterr().err


def test_launchers_need_no_torch():
    code = (
        "import sys; from hydra_plugins.gan_zoo import cluster_launchers, launchers;"
        "launchers.ProcessLauncher(-1); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
