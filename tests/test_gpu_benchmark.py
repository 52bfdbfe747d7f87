"""``python -m benchmarks gpu`` and the checks of ``tests/gpu``, as far as a CPU takes them."""

import json
import subprocess
from types import SimpleNamespace

import pytest
import torch

from benchmarks import __main__, gpu, gpu_checks
from benchmarks.gpu import Measurement
from benchmarks.gpu_checks import SMALL
from gan_zoo.losses.lsgan import Lsgan
from gan_zoo.runs.record import RunRecord, write_record
from tests.training.recording import Recording

CPU = torch.device("cpu")
TINY = ["model.generator.width=0.05", "model.discriminator.width=0.05"]


def test_without_a_gpu_it_says_so_in_a_line(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as ended:
        __main__.main(["gpu", "step"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"{gpu.NO_GPU}\n"


@pytest.mark.parametrize("words", [["nothing"], ["seconds=soon"], ["step", "rounds=3"]])
def test_other_words_are_refused(capsys, tmp_path, words):
    assert gpu.main(words, tmp_path, print) == 2
    assert "takes checks, step, recipe, sweep, and seconds=N above 0" in capsys.readouterr().err


def test_every_part_has_its_place_in_the_page():
    page = __main__.README.read_text()
    for name in gpu.PARTS:
        assert "new" in __main__.replaced(page, f"gpu {name}", "new")


def test_losses_and_layers_in_float32_are_those_in_float64(monkeypatch):
    monkeypatch.setattr(gpu_checks, "LOSSES", ["bce", "fgan_kl", "rahinge"])
    errors = gpu_checks.losses(CPU)
    assert {name.partition(",")[0] for name in errors} == {"bce", "fgan_kl", "rahinge"}
    assert 0 < max(errors.values()) < gpu_checks.FIRST
    assert 0 < max(gpu_checks.layer_forms(CPU).values()) < gpu_checks.FIRST


def test_an_error_is_found(monkeypatch):
    exact = Lsgan.discriminator
    monkeypatch.setattr(
        Lsgan, "discriminator",
        lambda self, real, fake: exact(self, real, fake * (1.001 if real.itemsize == 4 else 1)),
    )  # fmt: skip
    monkeypatch.setattr(gpu_checks, "LOSSES", ["lsgan"])
    errors = gpu_checks.losses(CPU)
    assert errors["lsgan, discriminator: value"] > 10 * gpu_checks.FIRST
    assert errors["lsgan, generator: value"] < gpu_checks.FIRST


def test_gradients_of_whole_updates_are_those_in_float64(monkeypatch):
    monkeypatch.setattr(gpu_checks, "MODELS", {"infogan": []})
    errors = gpu_checks.updates(CPU)
    assert set(errors) == {f"infogan: gradient of {name}" for name in ("D", "G", "D, R1")}
    assert 0 < max(errors.values()) < gpu_checks.SECOND


def test_states_are_compared_to_the_bit(monkeypatch):
    monkeypatch.setattr(gpu_checks, "SMALL", [word.replace("=32", "=4") for word in SMALL])
    assert gpu_checks.resume_differs(CPU, TINY, steps=2) == []
    assert gpu_checks.graph_equals_eager(CPU, TINY, 5, Recording) == []
    monkeypatch.setattr(Recording, "replay", lambda self: None)  # computes nothing
    different = gpu_checks.graph_equals_eager(CPU, TINY, 5, Recording)
    assert any(name.startswith("networks.generator.") for name in different)


def test_metrics_of_the_same_samples_agree():
    found = gpu_checks.evaluation(CPU, count=300)
    assert {name.partition("_mnistcnn")[0] for name in found} >= {"fid", "label_accuracy"}
    assert all(one == other for one, other in found.values())


def test_a_part_is_written_as_a_table_and_as_json(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu, "MODELS", {"infogan": []})
    written = {}
    of = Measurement(CPU, seconds=600, rounds=1, steps=1)
    gpu.measure("step", of, tmp_path, lambda name, sections: written.update({name: sections}))
    content = json.loads((tmp_path / "gpu_step.json").read_text())
    assert set(content["found"]["infogan"]["seconds"]) == {"plain fp32", "eager fp32"}
    assert content["found"]["ceilings"]["copy"] > 0
    assert content["machine"]["device"] == "cpu"
    ceilings, update, where = written["gpu step"]
    assert [line.split("|")[1].strip() for line in ceilings.lines[2:]] == [
        "copy", "matrix product fp32", "convolution fp32",
    ]  # fmt: skip
    assert " 1.00 (1.00–1.00) |" in update.lines[2]
    assert "torch" in where.text


def test_checks_are_a_table(monkeypatch):
    for name in ("losses", "layer_forms", "updates"):
        monkeypatch.setattr(gpu_checks, name, lambda device: {"a": 1e-7, "b": 3e-6})
    monkeypatch.setattr(gpu_checks, "resume_differs", lambda device, words: [])
    monkeypatch.setattr(gpu_checks, "evaluation", lambda device: {"fid": (10.0, 10.001)})
    (section,) = gpu.checks(Measurement(CPU))
    assert "| losses | 2 | 3.0e-06 | b |" in section.lines
    assert "| resumed: loss=bce | 1 |  | equal |" in section.lines
    assert "| fid | 1 | 1.0e-04 | 10 |" in section.lines


@pytest.fixture
def commands(monkeypatch):
    """The commands that would be run; each takes 60 seconds of a clock and leaves a record."""
    run, clock = [], SimpleNamespace(now=0.0)

    def fake(command, *, timeout, **options):
        run.append(command)
        clock.now += min(60.0, timeout)
        if timeout < 60:
            raise subprocess.TimeoutExpired(command, timeout)
        if "-m" not in command:
            folder = command[-1].partition("=")[2].strip("'")
            record = RunRecord("a", "bce", 0, "finished", metrics={"fid_mnistcnn": 9.5})
            write_record(gpu.Path(folder), record)

    monkeypatch.setattr(gpu.subprocess, "run", fake)
    for name in ("monotonic", "perf_counter"):
        monkeypatch.setattr(gpu.time, name, lambda: clock.now)
    return run


def test_the_recipe_and_the_sweep_are_whole_commands(commands):
    of = Measurement(CPU, seconds=540)
    (section,) = gpu.recipe(of)
    assert section.lines[2:] == ["| fp32 | 60 | 9.50 |", "| bf16 | 60 | 9.50 |"]
    assert "trainer.epochs=50" in commands[0]
    (section,) = gpu.sweep(of)
    assert section.lines[2] == "| 1 at a time | 60 | 24.0 |"
    assert [word for c in commands for word in c if word.startswith("hydra.launcher.n_jobs")] == [
        f"hydra.launcher.n_jobs={count}" for count in (1, 4, 8, 12)
    ]
    assert not of.skipped


def test_what_does_not_fit_into_the_time_is_listed(commands):
    of = Measurement(CPU, seconds=150)
    (section,) = gpu.sweep(of)
    assert len(section.lines) == 2 + 2
    assert of.skipped == ["8 at a time", "12 at a time"]  # cut off, and not begun
    assert of.left == 0
