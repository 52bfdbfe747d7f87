"""Called from Python, a run is the run of the command line; mistakes are told as there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser

import gan_zoo
from gan_zoo.api import overrides
from gan_zoo.records import AlreadyFinished, read_record
from gan_zoo.settings import ConfigurationError

ROOT = Path(__file__).parents[1]
TINY = {
    "device": "cpu",
    "trainer": {"epochs": 1, "max_steps": 2, "batch_size": 4, "generator_batch_size": 4},
    "model": {"generator": {"width": 0.02}, "discriminator": {"width": 0.05}},
    "evaluation": {"samples": 20, "final_samples": 20, "loss_samples": 20, "floors": False,
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


def test_what_is_finished_is_given_and_never_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = gan_zoo.train(TINY)
    assert first.folder.parents[1] == tmp_path / "runs"
    assert gan_zoo.train(TINY, folder=first.folder) == first
    with pytest.raises(AlreadyFinished):
        gan_zoo.train({**TINY, "resume": "never"}, folder=first.folder)
    with pytest.raises(ConfigurationError, match="a run of another configuration"):
        gan_zoo.train({**TINY, "seed": 5}, folder=first.folder)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"loss": "wgann"}, "Did you mean 'wgan'"),
        ({"trainer": {"epocs": 3}}, "unknown key 'trainer.epocs'. Did you mean 'epochs'"),
        ({"trainer": {"epochs": 0}}, "trainer.epochs is 0; allowed: 1 or more"),
        (["loss=bce,wgan"], "Ambiguous value"),
        ({"+experiment": "dirac"}, "this configuration is a sweep"),
        ("loss=wgan", "allowed: a mapping"),
        ([1], "allowed: a mapping"),
        ({"seed": object()}, "allowed: texts, numbers"),
        ({"loss": {"_target_": "os.system"}}, "unknown key 'loss.smoothing'"),
    ],
)
def test_mistakes_are_told_as_on_the_command_line(config, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = HydraConfig.instance().cfg
    with pytest.raises(ConfigurationError, match=told):
        gan_zoo.train(config)
    assert HydraConfig.instance().cfg is before


def test_a_config_dir_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match=r"config_dir is .*: there is no such folder"):
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


def test_a_trainer_steps_in_a_loop_of_its_user_s():
    trainer = gan_zoo.make_trainer(
        {"data": "ring", "model": "mlp", "aux": "none", "loss": "wgan", "trainer": {"n_critic": 2}}
    )
    assert isinstance(trainer, gan_zoo.Trainer)
    for _ in range(4):
        trainer.step()
    assert (trainer.discriminator_updates, trainer.generator_updates) == (4, 2)
    assert set(trainer.collect()) >= {"score_gap", "generator_train_loss"}


def test_what_is_not_offered_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'gan_zoo' has no attribute 'trane'"):
        gan_zoo.trane  # noqa: B018
    assert all(getattr(gan_zoo, name) is not None for name in gan_zoo.__all__)
