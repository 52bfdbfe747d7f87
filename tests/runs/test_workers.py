"""GPUs of the workers of a sweep: found without torch, assigned by the worker's number."""

import subprocess
from collections import Counter

import pytest
from omegaconf import OmegaConf

from gan_zoo.runs.workers import visible_gpus
from gan_zoo.types import ConfigurationError
from hydra_plugins.gan_zoo.launchers import ProcessLauncher, Task

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


def test_an_idle_gpu_is_reported(monkeypatch, capsys):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    ProcessLauncher(1).run([])
    assert "2 of 3 GPUs stay idle" in capsys.readouterr().err
