"""Training 2N epochs is training N, dying, and going on: bit for bit, for all that trains."""

import os
import signal
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from gan_zoo import cli
from gan_zoo.building import build
from gan_zoo.data.toys import ring
from gan_zoo.experiment import build_trainer, run
from gan_zoo.losses.bce import Bce
from gan_zoo.models.acgan import Discriminator
from gan_zoo.records import RunRecord, read_record
from gan_zoo.regularizers.combined import Combined
from gan_zoo.regularizers.dragan import Dragan
from gan_zoo.regularizers.lecam import LeCam
from gan_zoo.settings import ConfigurationError
from gan_zoo.snapshot import restore, snapshot
from gan_zoo.state import from_bytes, load_state, to_bytes
from gan_zoo.stopping import Interrupted

CONF = Path(cli.__file__).parents[1] / "conf"
SMALL = ["data=ring", "data.samples=600", "model=mlp", "model.generator.hidden=[8]",
         "model.discriminator.hidden=[8]", "latents=normal", "trainer.epochs=4",
         "trainer.max_steps=7", "trainer.batch_size=16", "trainer.generator_batch_size=16",
         "evaluation.samples=30", "evaluation.final_samples=30", "evaluation.loss_samples=30",
         "device=cpu"]  # fmt: skip
LOSSES = sorted(path.stem for path in (CONF / "loss").glob("*.yaml"))
OPTIMIZERS = sorted(path.stem for path in (CONF / "optimizer").glob("*.yaml"))
WALL_CLOCK = {"started", "ended", "resumed"}  # of a record; and progress.seconds, timing.csv


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    """They are drawn from what is compared here, and take most of the time."""
    for name in ("sample_scatter", "sample_grid", "loss_curve", "landscape"):
        monkeypatch.setattr(f"gan_zoo.journal.{name}", lambda *_: b"")


def parts_of(*overrides: str):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides=[*SMALL, *overrides], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    return build(config)


def new_record():
    return RunRecord(run_id="abc", loss="some", seed=0, status="running")


def go(parts, folder, state=None):
    parts = replace(parts, regularizer=deepcopy(parts.regularizer))  # as a process of its own has
    return run(parts, folder, new_record(), bar=False, state=state)


def with_settings(parts, **changes):
    return replace(parts, trainer=replace(parts.trainer, **changes))


def interrupted(parts, folder, *, after: int, number: int = signal.SIGTERM, state=None):
    """Run until the ``after``-th update of D and get the signal amid it."""
    true, calls = parts.loss, []

    class Signalling(type(true)):
        def discriminator(self, real, fake):
            calls.extend([None] * torch.is_grad_enabled())  # measuring is no update
            if torch.is_grad_enabled() and len(calls) == after:
                os.kill(os.getpid(), number)
            return true.discriminator(real, fake)

    loss = deepcopy(true)
    object.__setattr__(loss, "__class__", Signalling)
    with pytest.raises(Interrupted):
        go(replace(parts, loss=loss), folder, state)
    assert read_record(folder).status == "interrupted"


def lasting(folder):
    """Everything of a run that configuration and seed determine."""
    content = vars(read_record(folder))
    record = {key: value for key, value in content.items() if key not in WALL_CLOCK}
    del record["tables"]["timing.csv"]
    record["progress"].pop("seconds")
    names = ["history.csv", *sorted(
        path.relative_to(folder).as_posix()
        for path in folder.glob("checkpoints/params_*.safetensors")
    )]  # fmt: skip
    state = load_state(folder)
    return record, {name: (folder / name).read_bytes() for name in names}, state["trainer"]


def assert_equal(one, other, where=""):
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, where
        assert one.equal(other) or bool((one.isnan() & other.isnan()).all()), where
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key, value in one.items():
            assert_equal(value, other[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for number, value in enumerate(one):
            assert_equal(value, other[number], f"{where}/{number}")
    else:
        assert one == other or (one != one and other != other), where


def assert_same(folder, other):
    for one, two in zip(lasting(folder), lasting(other), strict=True):
        assert_equal(one, two)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_recipe_goes_on_bit_for_bit(loss, tmp_path):
    """Two epochs, two more of them, killed twice: as if nothing had been."""
    parts = with_settings(parts_of(f"loss={loss}"), lr_decay=0.0)
    go(parts, tmp_path / "whole")
    go(with_settings(parts, epochs=2), tmp_path / "broken")
    state = load_state(tmp_path / "broken")
    assert (state["position"]["epoch"], state["position"]["step"]) == (3, 0)
    interrupted(parts, tmp_path / "broken", after=4, state=state)
    state = load_state(tmp_path / "broken")
    assert (state["position"]["epoch"], state["position"]["step"]) == (3, 4)
    interrupted(parts, tmp_path / "broken", after=5, state=state)
    go(parts, tmp_path / "broken", load_state(tmp_path / "broken"))
    assert_same(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_goes_on_bit_for_bit_and_with_its_rates_falling(optimizer, tmp_path):
    parts = with_settings(parts_of(f"optimizer={optimizer}"), lr_decay=0.6)
    go(parts, tmp_path / "whole")
    interrupted(parts, tmp_path / "broken", after=18)
    go(parts, tmp_path / "broken", load_state(tmp_path / "broken"))
    assert_same(tmp_path / "whole", tmp_path / "broken")
    state = load_state(tmp_path / "broken")["trainer"]["optimizers"][0]
    usual = build_trainer(parts).discriminator_optimizer.param_groups[0]["lr"]
    assert 0 < state["param_groups"][0]["lr"] < 0.2 * usual  # the last of 28 updates


@pytest.fixture
def everything(tiny_parts):
    """AC-GAN with all that a state can hold: dropout, spectral norm, EMA, memory, penalty."""
    return replace(
        tiny_parts,
        discriminator=partial(Discriminator, width=0.1, norm="spectral"),
        regularizer=Combined([LeCam(start=2), Dragan()]),
        trainer=replace(tiny_parts.trainer, epochs=3, n_critic=2, ema_decay=0.9, simultaneous=True),
    )


@pytest.mark.parametrize("after", [1, 13, 36])
def test_a_run_with_everything_goes_on_bit_for_bit(everything, tmp_path, after):
    go(everything, tmp_path / "whole")
    interrupted(everything, tmp_path / "broken", after=after, number=signal.SIGINT)
    torch.manual_seed(99)  # a process of its own would not know the streams either
    go(everything, tmp_path / "broken", load_state(tmp_path / "broken"))
    assert_same(tmp_path / "whole", tmp_path / "broken")


def continued(parts, state):
    trainer = build_trainer(parts)
    restore(trainer, from_bytes(to_bytes(state)))
    for _ in range(4):
        trainer.step()
    trainer.collect()
    return snapshot(trainer)


@pytest.mark.parametrize(
    "path",
    [("networks", "generator"), ("networks", "discriminator"), ("networks", "ema"),
     ("optimizers", 0), ("optimizers", 1), ("streams", "latents of D's steps"),
     ("streams", "latents of G's steps"), ("streams", "penalty"), ("batches", 0),
     ("global", "cpu"), ("remembered", "regularizer"), ("updates",)],
)  # fmt: skip
def test_each_part_of_a_state_decides_on_what_follows(everything, path):
    """So the tests above would notice if one were forgotten."""
    torch.manual_seed(0)
    fresh, trainer = snapshot(build_trainer(everything)), build_trainer(everything)
    for _ in range(9):
        trainer.step()
    trainer.collect()
    state = deepcopy(snapshot(trainer))
    right = continued(everything, state)
    inside, other = state, fresh
    for key in path[:-1]:
        inside, other = inside[key], other[key]
    inside[path[-1]] = other[path[-1]]
    wrong = continued(everything, state)
    with pytest.raises(AssertionError):
        assert_equal(right, wrong)


def test_a_regularizer_without_memory_of_a_user_needs_no_methods(tiny_parts):
    class Mine:
        needs_image_gradients = penalises_gradients = False

    trainer = build_trainer(replace(tiny_parts, regularizer=Mine()))
    assert "regularizer" not in snapshot(trainer)["remembered"]


def test_going_on_is_noted_and_the_time_goes_on(tiny_parts, tmp_path):
    interrupted(tiny_parts, tmp_path, after=13)
    first = read_record(tmp_path)
    record = go(tiny_parts, tmp_path, load_state(tmp_path))
    assert record.started == first.started
    (resumed,) = record.resumed
    assert (resumed["epoch"], resumed["step"], resumed["changed"]) == (2, 1, {})
    seconds = [float(line.split(",")[1]) for line in
               (tmp_path / "timing.csv").read_text().splitlines()[1:]]  # fmt: skip
    assert record.progress["seconds"] == seconds[1] > seconds[0] > 0


def test_the_best_epoch_may_lie_before_the_interruption(tmp_path):
    """``best`` is of the ring's reverse KL; the weights of that epoch are the ones measured."""
    parts = replace(parts_of(), dataset=ring(samples=600))
    go(parts, tmp_path / "whole")
    for after in (9, 16, 23):
        interrupted(parts, tmp_path / f"{after}", after=after)
        go(parts, tmp_path / f"{after}", load_state(tmp_path / f"{after}"))
        assert_same(tmp_path / "whole", tmp_path / f"{after}")
        assert any(name.startswith("best_") for name in read_record(tmp_path / "whole").metrics)


def test_another_kind_of_device_is_refused(tiny_parts, tmp_path):
    interrupted(tiny_parts, tmp_path, after=13)
    state = load_state(tmp_path)
    state["trainer"]["device"] = "cuda"
    with pytest.raises(ConfigurationError, match="go on with device=cuda, or start anew"):
        go(tiny_parts, tmp_path, state)


def test_a_signal_between_epochs_loses_nothing(tiny_parts, tmp_path, monkeypatch):
    go(tiny_parts, tmp_path / "whole")
    true = Bce.generator

    def measuring(self, fake, real=None):
        if not torch.is_grad_enabled():  # the held-out loss, after the epoch's updates
            monkeypatch.setattr(Bce, "generator", true)
            os.kill(os.getpid(), signal.SIGINT)
        return true(self, fake, real)

    monkeypatch.setattr(Bce, "generator", measuring)
    with pytest.raises(Interrupted):
        go(tiny_parts, tmp_path / "broken")
    state = load_state(tmp_path / "broken")
    assert state["position"] == {"epoch": 2, "step": 0, "seconds": 0.0, "pieces": []}
    go(tiny_parts, tmp_path / "broken", state)
    assert_same(tmp_path / "whole", tmp_path / "broken")


def test_lost_best_weights_cost_a_new_beginning_and_no_number(tmp_path, capsys):
    parts = parts_of()
    go(parts, tmp_path / "whole")
    interrupted(parts, tmp_path / "broken", after=18)
    (best,) = (tmp_path / "broken/checkpoints").glob("params_generator_epoch_best.safetensors")
    best.write_bytes(best.read_bytes()[:-1])
    record = go(parts, tmp_path / "broken", load_state(tmp_path / "broken"))
    assert "the best weights are lost, so it begins anew" in capsys.readouterr().err
    assert record.resumed == []
    assert_same(tmp_path / "whole", tmp_path / "broken")


def test_a_resumed_run_keeps_the_precision_that_auto_came_to(tmp_path):
    """Whatever a probe would say now."""
    parts = parts_of("trainer.precision=bf16")
    interrupted(parts, tmp_path, after=10)
    go(with_settings(parts, precision="auto"), tmp_path, load_state(tmp_path))
    assert read_record(tmp_path).environment["precision"] == "bf16"
    go(parts, tmp_path / "whole")
    assert_equal(lasting(tmp_path)[2], lasting(tmp_path / "whole")[2])
