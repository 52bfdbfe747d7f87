"""Called from Python, a run is the run of the command line; mistakes raise the same errors."""

import os
import subprocess
import sys
from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from omegaconf import OmegaConf

import gan_zoo
from gan_zoo.config.compose import OLD_HYDRA
from gan_zoo.report.comparison import compare
from gan_zoo.report.fairness import cautions
from gan_zoo.report.load import load
from gan_zoo.runs.overrides import overrides
from gan_zoo.runs.record import AlreadyFinished, read_record
from gan_zoo.types import ConfigurationError

ROOT = Path(__file__).parents[2]
TINY = {
    "device": "cpu",
    "trainer": {"epochs": 1, "max_steps": 2, "batch_size": 4, "generator_batch_size": 4},
    "model": {"generator": {"width": 0.02}, "discriminator": {"width": 0.05}},
    "evaluation": {"samples": 20, "final_samples": 20, "loss_samples": 20,
                   "reference_scores": False,
                   "extractor": "none"},
}  # fmt: skip


def test_a_run_is_that_of_the_command_line_and_moves_no_stream(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["loss=wgan", "seed=3", *overrides(TINY)]
    subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *words, "hydra.run.dir=shell"], check=True,
        capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    stream, threads = torch.get_rng_state(), torch.get_num_threads()
    before = HydraConfig.instance().cfg
    run = gan_zoo.train({"loss": "wgan", "seed": 3, **TINY}, folder="it's here")
    assert torch.equal(torch.get_rng_state(), stream)
    assert torch.get_num_threads() == threads
    assert HydraConfig.instance().cfg is before
    shell = read_record(tmp_path / "shell")
    assert run.folder == tmp_path / "it's here"
    assert (run.record.status, run.record.run_id) == ("finished", shell.run_id)
    assert run.record.overrides == shell.overrides
    assert run.record.metrics == shell.metrics
    table = (run.folder / "history.csv").read_bytes()
    assert table == (tmp_path / "shell" / "history.csv").read_bytes()


def test_a_finished_run_is_returned_and_never_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = gan_zoo.train(TINY)
    assert first.folder.parents[1] == tmp_path / "runs"
    assert gan_zoo.train(TINY, folder=first.folder) == first
    with pytest.raises(AlreadyFinished):
        gan_zoo.train({**TINY, "resume": "never"}, folder=first.folder)
    with pytest.raises(ConfigurationError, match="a run of another configuration"):
        gan_zoo.train({**TINY, "seed": 5}, folder=first.folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"loss": "wgann"}, "Did you mean 'wgan'"),
        ({"trainer": {"epocs": 3}}, "unknown key 'trainer.epocs'. Did you mean 'epochs'"),
        ({"trainer": {"epochs": 0}}, "trainer.epochs must be at least 1, got 0"),
        (["loss=bce,wgan"], "has several values, but this is one run"),
        ({"experiment": "dirac"}, "this configuration is a sweep"),
        ("loss=wgan", "allowed: a mapping"),
        ([1], "allowed: a mapping"),
        ({"seed": object()}, "allowed: strings, paths, numbers"),
        ({"loss": {"_target_": "os.system"}}, "unknown key 'loss.smoothing'"),
    ],
)
def test_mistakes_are_reported_as_on_the_command_line(config, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = HydraConfig.instance().cfg
    with pytest.raises(ConfigurationError, match=message):
        gan_zoo.train(config)
    assert HydraConfig.instance().cfg is before


def test_a_missing_config_dir_is_an_error(tmp_path):
    with pytest.raises(ConfigurationError, match=r"config_dir is .*: no such folder"):
        gan_zoo.train(config_dir=tmp_path / "nothing")


@pytest.mark.parametrize(
    "value",
    ["wgan", "a b", "it's", "back\\slash", "quote\\'", "end\\", "null", "1e3", "${seed}", "a=b,c",
     "", "[1]", True, None, 3, 2.5e-4, [1, [2.0, "x"]], {"a": {"b": 1}}],
)  # fmt: skip
def test_a_value_arrives_as_it_was_given(value):
    (word,) = overrides({"key": [value]})
    (parsed,) = OverridesParser.create().parse_overrides([word])
    assert parsed.value() == [value]


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (np.float64(1e-3), 1e-3),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a b"), "a b"),
        (np.array([1, 2]), [1, 2]),
        (torch.tensor(2.5), 2.5),
        (Path("/a b/it's"), "/a b/it's"),
        (range(2), [0, 1]),
        (OmegaConf.create([1, "x"]), [1, "x"]),
        (IntEnum("Sizes", "SMALL").SMALL, 1),
    ],
)
def test_scalars_of_numpy_paths_and_sequences_arrive_as_plain_values(value, arrives):
    (word,) = overrides({"key": value})
    (parsed,) = OverridesParser.create().parse_overrides([word])
    assert parsed.value() == arrives
    assert type(parsed.value()) in (type(arrives), QuotedString)


@pytest.mark.parametrize(
    "value", [np.longdouble(1), np.complex64(1), np.datetime64("2020"), b"x", {1}, {"a b": 1}]
)
def test_other_objects_are_refused(value):
    with pytest.raises(ConfigurationError, match="the configuration holds"):
        overrides({"key": {"_target_": "x", "y": [value]}, "z": {"_target_": value}})


def test_numpy_scalars_and_paths_train(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    config = {**TINY, "optimizer": {"discriminator": {"lr": np.float64(1e-3)}}, "seed": np.int64(2)}
    run = gan_zoo.train(config, folder="~/${x} it's")
    assert run.folder == tmp_path / "${x} it's"
    assert run.record.config["optimizer"]["discriminator"]["lr"] == 1e-3
    assert [path.name for path in tmp_path.iterdir()] == ["${x} it's"]


@pytest.mark.skipif(
    OLD_HYDRA and sys.version_info >= (3, 14),
    reason="Hydra 1.3's own command line does not start on Python 3.14",
)
def test_a_hydra_application_of_the_user_s_trains_and_keeps_its_own_hydra(tmp_path):
    own_base = 'version_base="1.2", ' if OLD_HYDRA else ""
    (tmp_path / "app.py").write_text(f"""
import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.version import getbase
import gan_zoo

@hydra.main({own_base}config_path="conf", config_name="config")
def main(config):
    before, base = GlobalHydra.instance().hydra, str(getbase())
    run = gan_zoo.train({TINY!r}, folder=config.where)
    assert run.record.status == "finished"
    gan_zoo.make_trainer({TINY!r})
    assert GlobalHydra.instance().hydra is before
    assert HydraConfig.get().job.name == "app"
    assert str(getbase()) == base
    print("all is well")

main()
""")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/config.yaml").write_text("where: here\n")
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "all is well" in done.stdout
    assert read_record(tmp_path / "here").status == "finished"


def test_a_trainer_steps_in_a_user_s_loop():
    trainer = gan_zoo.make_trainer(
        {"data": "ring", "model": "mlp", "aux": "none", "loss": "wgan", "trainer": {"n_critic": 2}}
    )
    assert isinstance(trainer, gan_zoo.Trainer)
    with pytest.raises(ConfigurationError, match="there is no 'papr' in the group 'tuned'"):
        gan_zoo.make_trainer(["tuned=papr"])
    for _ in range(4):
        trainer.step()
    assert (trainer.discriminator_updates, trainer.generator_updates) == (4, 2)
    assert set(trainer.collect()) >= {"score_gap", "generator_train_loss"}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'gan_zoo' has no attribute 'trane'"):
        gan_zoo.trane  # noqa: B018
    assert all(getattr(gan_zoo, name) is not None for name in gan_zoo.__all__)


def test_runs_that_train_alike_are_one_variant_whatever_else_they_do(tmp_path):
    """Written as a sweep writes words or not, drawn in motion, profiled or not."""
    words = ["data=ring", "data.samples=600", "model=mlp", "aux=none", "trainer.epochs=1",
             "model.generator.hidden=[4]", "model.discriminator.hidden=[4]", "device=cpu",
             "trainer.max_steps=3", "evaluation.samples=20", "evaluation.final_samples=20",
             "evaluation.loss_samples=20"]  # fmt: skip
    spellings = (
        ["trainer.simultaneous=true", "optimizer.generator.lr=2e-3"],
        ["trainer.simultaneous=True", "optimizer.generator.lr=0.002", "evaluation.motion=true"],
        ["trainer.simultaneous=false", "trainer.simultaneous=true", "profile=1", "capture=never",
         "optimizer.generator.lr=0.0020"],
    )  # fmt: skip
    for seed, more in enumerate(spellings):
        gan_zoo.train([*words, *more, f"seed={seed}"], folder=tmp_path / str(seed))
    comparison = compare(load([tmp_path]))
    (variant,) = comparison.variants
    assert sorted(run.record.seed for run in variant.runs) == [0, 1, 2]
    assert [caution.topic for caution in cautions(comparison)] == []
