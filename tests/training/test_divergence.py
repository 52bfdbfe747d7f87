"""A number that is not finite: the run stops, rolls back or raises; its last metrics are kept."""

import math
import os
import signal
from dataclasses import replace
from functools import partial

import pytest
import torch

from gan_zoo.data.toys import ring
from gan_zoo.evaluation.health import collapses
from gan_zoo.losses.bce import Bce
from gan_zoo.models.mlp import Discriminator, Generator
from gan_zoo.runs.record import read_record
from gan_zoo.training.build import build_trainer
from gan_zoo.training.checkpoint import load_state
from gan_zoo.training.loop import MAX_ROLLBACKS
from gan_zoo.training.signals import Interrupted
from gan_zoo.types import DivergenceError
from tests.running import run_components as go

STEPS = 10  # updates of D in an epoch


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    for name in ("sample_scatter", "loss_curve", "landscape"):
        monkeypatch.setattr(f"gan_zoo.training.run_writer.{name}", lambda *_: b"")


@pytest.fixture
def parts(tiny_parts):
    return replace(
        tiny_parts,
        dataset=ring(samples=600),
        generator=partial(Generator, latent_dim=3, hidden=[8]),
        discriminator=partial(Discriminator, hidden=[8]),
        trainer=replace(tiny_parts.trainer, epochs=3, max_steps=STEPS),
    )


def broken_at(*updates: int) -> Bce:
    """Return a loss that is infinite at these updates of D, counted over the whole process."""

    class Broken(Bce):
        calls = 0

        def discriminator(self, real, fake):
            value = super().discriminator(real, fake)
            if not torch.is_grad_enabled():
                return value
            Broken.calls += 1
            return value * (math.inf if Broken.calls in updates else 1)

    return Broken()


def with_policy(parts, policy, loss):
    return replace(parts, loss=loss, trainer=replace(parts.trainer, on_divergence=policy))


def test_a_diverged_run_is_measured_at_its_last_finite_state(parts, tmp_path):
    shorter = go(replace(parts, trainer=replace(parts.trainer, epochs=2)), tmp_path / "shorter")
    record = go(with_policy(parts, "stop", broken_at(2 * STEPS + 3)), tmp_path / "diverged")
    assert record.status == "diverged"
    assert (record.error["step"], record.error["quantity"]) == (23, "discriminator_train_loss")
    assert record.error["message"].startswith("discriminator train loss became ")
    assert record.measured_epoch == 2
    assert record.metrics == shorter.metrics != {}
    assert record.best == shorter.best
    assert load_state(tmp_path / "diverged")["position"]["epoch"] == 3
    assert read_record(tmp_path / "diverged") == record


def test_a_run_that_diverges_in_its_first_epoch_has_no_metrics(parts, tmp_path):
    record = go(with_policy(parts, "stop", broken_at(4)), tmp_path)
    assert (record.status, record.metrics, record.measured_epoch) == ("diverged", {}, None)
    assert record.error["step"] == 4


def test_on_divergence_raise_records_and_raises(parts, tmp_path):
    with pytest.raises(DivergenceError, match="at discriminator update 4"):
        go(with_policy(parts, "raise", broken_at(4)), tmp_path)
    assert read_record(tmp_path).status == "diverged"


@pytest.mark.parametrize(("at", "back_to"), [(4, 0), (2 * STEPS + 3, 2)])
def test_rollback_continues_from_the_last_finite_state_with_new_random_numbers(
    parts, tmp_path, at, back_to
):
    straight = go(parts, tmp_path / "straight")
    record = go(with_policy(parts, "rollback", broken_at(at)), tmp_path / "back")
    assert record.status == "finished"
    assert record.rollbacks == [
        {"step": at, "quantity": "discriminator_train_loss", "to_epoch": back_to}
    ]
    assert record.progress["discriminator_updates"] == 3 * STEPS
    rows = [(tmp_path / name / "history.csv").read_text().splitlines()[1:] for name in
            ("straight", "back")]  # fmt: skip
    same = [one == other for one, other in zip(*rows, strict=True)]
    assert same == [number < back_to for number in range(3)]
    assert record.metrics.keys() == straight.metrics.keys()


def test_the_number_of_rollbacks_is_limited(parts, tmp_path):
    always = broken_at(*range(STEPS + 3, 1000))
    record = go(with_policy(parts, "rollback", always), tmp_path)
    assert record.status == "diverged"
    assert len(record.rollbacks) == MAX_ROLLBACKS
    assert record.measured_epoch == 1
    assert read_record(tmp_path) == record


def test_an_interrupted_run_keeps_its_rollback(parts, tmp_path):
    whole = go(with_policy(parts, "rollback", broken_at(STEPS + 3)), tmp_path / "whole")
    loss = broken_at(STEPS + 3)
    true = type(loss).generator

    def dying(self, fake, real=None):
        if type(loss).calls == STEPS + 10 + 5 and torch.is_grad_enabled():
            os.kill(os.getpid(), signal.SIGINT)
        return true(self, fake, real)

    type(loss).generator = dying
    with pytest.raises(Interrupted):
        go(with_policy(parts, "rollback", loss), tmp_path / "dying")
    record = go(with_policy(parts, "rollback", Bce()), tmp_path / "dying")
    assert record.rollbacks == whole.rollbacks != []
    assert record.metrics == whole.metrics
    history = [(tmp_path / name / "history.csv").read_bytes() for name in ("whole", "dying")]
    assert history[0] == history[1]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_weight_that_is_not_finite_is_found(parts, network, value):
    trainer = build_trainer(parts)
    trainer.step()
    trainer.collect()
    trainer.check_weights()
    with torch.no_grad():
        list(getattr(trainer, network).parameters())[-1][0] = value
    with pytest.raises(DivergenceError, match=f"weights {network} became"):
        trainer.check_weights()


def test_equal_samples_are_a_collapse():
    real = torch.rand(50, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    same = real[:1].expand(30, 1, 4, 4)
    ((quantity, value),) = collapses(same, real, None)
    assert (quantity, value) == ("spread", pytest.approx(0, abs=1e-9))
    assert collapses(same + 0.02 * torch.rand(30, 1, 4, 4), real, None) == []
    assert collapses(real, real, None) == []
    assert collapses(same, same, None) == []  # data that are a single point


def test_samples_of_one_class_are_a_collapse():
    real = torch.rand(20, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    (collapse,) = collapses(real, real, torch.full((20,), 7))
    assert collapse.quantity == "classes"
    assert collapses(real, real, torch.arange(20) % 2) == []


def test_a_collapse_is_recorded_and_does_not_end_the_run(parts, tmp_path, capsys):
    class Dead(Generator):
        def forward(self, z, labels):
            return 0 * super().forward(z, labels)

    record = go(replace(parts, generator=partial(Dead, latent_dim=3, hidden=[8])), tmp_path)
    assert record.status == "finished"
    assert [(entry["epoch"], entry["quantity"]) for entry in record.collapses] == [
        (epoch, "spread") for epoch in (1, 2, 3)
    ]
    assert read_record(tmp_path).collapses == record.collapses
    assert "all samples are the same" in capsys.readouterr().err
