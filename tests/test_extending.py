"""The examples do what they say: parts of a user's own, and a loop of a user's own."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gan_zoo
from docs import examples
from gan_zoo.cli import train
from gan_zoo.cli.evaluate import main as evaluate
from gan_zoo.runs.record import read_record

ROOT = Path(__file__).parents[1]
SMALL = ["trainer.epochs=1", "trainer.max_steps=3", "trainer.batch_size=4", "device=cpu",
         "trainer.generator_batch_size=4", "trainer.threads=1", "evaluation.samples=20",
         "evaluation.final_samples=20", "evaluation.loss_samples=20",
         "evaluation.reference_scores=false",
         "evaluation.extractor=none"]  # fmt: skip


@pytest.fixture
def example(tmp_path, monkeypatch) -> Path:
    """A copy of the user's folder, with nothing of the repository beside it."""
    folder = tmp_path / "mine"
    shutil.copytree(ROOT / "examples" / "my_loss", folder)
    monkeypatch.chdir(folder)
    return folder


def call(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_user_s_own_tests_pass(example):
    assert " passed" in call(example, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_the_user_s_parts_are_swept_beside_ours(example, monkeypatch):
    monkeypatch.syspath_prepend(example)
    words = ["--config-dir", "conf", "experiment=stripes", "hydra.sweep.dir=sweep"]
    with examples.without_figures():
        code, output = examples.called(train.main, ["run.py", *words, "loss=bgan,bce", *SMALL], {})
    assert not code, output
    records = [read_record(path.parent) for path in example.glob("sweep/*/record.json")]
    assert sorted(r.loss for r in records) == ["bce", "bgan"]
    assert {r.status for r in records} == {"finished"}
    assert {r.config["model"]["generator"]["_target_"] for r in records} == {
        "my_gan.dense.Generator"
    }
    (mine,) = (r for r in records if r.loss == "bgan")
    assert mine.config["regularizer"]["_target_"] == "my_gan.drift.Drift"
    assert mine.dataset["name"] == "stripes"
    assert (example / "sweep" / "report.html").exists()


def test_the_user_s_run_is_evaluated_again_only_by_permission(example, monkeypatch):
    monkeypatch.syspath_prepend(example)
    cnn = "gan_zoo.evaluation.features.cnn.FeatureCNN"
    network = {
        "_target_": "gan_zoo.evaluation.features.extractor.wrap_module", "name": "mine",
        "module": {"_target_": cnn, "channels": 1, "size": 16, "num_classes": 3},
    }  # fmt: skip
    run = gan_zoo.train(
        {
            "loss": "bgan", "model": "dense", "data": "stripes", "device": "cpu",
            "trainer": {"epochs": 1, "max_steps": 3, "batch_size": 4, "generator_batch_size": 4},
            "evaluation": {"samples": 20, "final_samples": 20, "loss_samples": 20,
                           "reference_scores": False, "metrics": ["fid"], "extractor": network},
        }, config_dir="conf", folder="run",
    )  # fmt: skip
    assert run.record.config["loss"] == {"_target_": "my_gan.bgan.Bgan", "scale": 1.0}
    words = ["run", "samples=20", "metrics=fid", "reference_scores=false", "out=found.json"]
    with pytest.raises(SystemExit, match=r"not gan_zoo's and would be called\. If you trust"):
        evaluate(words)
    evaluate([*words, "allow=my_gan"])
    assert "fid_mine_test_20" in (example / "found.json").read_text()


def test_a_mistake_in_the_user_s_own_part_is_reported_as_in_ours(example, monkeypatch):
    monkeypatch.syspath_prepend(example)
    with pytest.raises(ValueError, match=r"unknown key 'loss\.scales'\. Did you mean 'scale'"):
        gan_zoo.train(["loss=bgan", "loss.scales=2"], config_dir="conf")
    with pytest.raises(ValueError, match=r"loss\.scale must be a number, got 'big'"):
        gan_zoo.train(["loss=bgan", "loss.scale=big"], config_dir="conf")


def test_a_loss_and_a_penalty_work_in_another_training_loop(capsys):
    """With a quarter of the steps that the script takes by itself."""
    program = runpy.run_path(str(ROOT / "examples" / "plain_pytorch.py"))
    program["main"].__globals__["STEPS"] = 400
    program["main"]()
    found, share = capsys.readouterr().out.split(" of 8 modes, ")
    assert int(found) >= 6
    assert float(share.split("%")[0]) > 45
