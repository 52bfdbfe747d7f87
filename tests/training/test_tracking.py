"""A tracker gets each epoch once, and changes no number."""

import json
import os
import random
import signal
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from gan_zoo.losses.bce import Bce
from gan_zoo.training.signals import Interrupted
from gan_zoo.training.tracking import tag
from gan_zoo.types import ConfigurationError
from tests.running import run_components

TIME = ("progress/seconds", "progress/images_per_second")


@dataclass
class Noting:
    """Keep what is reported, as a tracker's storage would."""

    begun: int = 0
    told: list = field(default_factory=list)
    ended: list = field(default_factory=list)

    def begin(self, folder, record):
        self.begun += 1
        self.told.clear()

    def log(self, epoch, values, pictures):
        timeless = {name: value for name, value in values.items() if name not in TIME}
        self.told.append((epoch, timeless, [path.name for path in pictures.values()]))

    def end(self, record, pictures):
        self.ended.append((record.status, sorted(pictures)))


class Meddling(Noting):
    """Draw random numbers and change everything that can be changed."""

    def log(self, epoch, values, pictures):
        torch.rand(7)
        np.random.seed(7)  # noqa: NPY002 (that is the point)
        random.random()
        torch.set_grad_enabled(False)
        values.clear()

    def begin(self, folder, record):
        torch.manual_seed(5)
        record.metrics["fid"] = 0.0
        record.artifacts.clear()

    def end(self, record, pictures):
        self.log(0, record.metrics, pictures)
        record.status = "failed"


class Failing(Noting):
    def __init__(self, where):
        super().__init__()
        self.where = where

    def begin(self, folder, record):
        if self.where == "begin":
            raise OSError(28, "No space left on device")

    def log(self, epoch, values, pictures):
        super().log(epoch, values, pictures)
        if self.where == "log":
            raise RuntimeError("database\nis locked")

    def end(self, record, pictures):
        super().end(record, pictures)
        if self.where == "end":
            raise RuntimeError("database is locked")


def go(parts, folder, tracker):
    return run_components(replace(parts, tracker=tracker), folder)


def lasting(folder):
    weights = (folder / "checkpoints").glob("params_*.safetensors")
    return {path.name: path.read_bytes() for path in [folder / "history.csv", *weights]}


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    """Draw no pictures, which take most of the time."""
    for name in ("run_writer.sample_grid", "run_writer.loss_curve", "loop.sample_grid"):
        monkeypatch.setattr(f"gan_zoo.training.{name}", lambda *_: b"")


@pytest.fixture(scope="module")
def known():
    return {}


@pytest.fixture
def whole(tiny_parts, tmp_path_factory, known):
    """Return folder and tracker of an undisturbed run, which is made once."""
    if not known:
        known["folder"], known["tracker"] = tmp_path_factory.mktemp("whole"), Noting()
        go(tiny_parts, known["folder"], known["tracker"])
    return known["folder"], known["tracker"]


def interrupted(parts, folder, tracker, *, after):
    class Signalling(Bce):
        calls = 0

        def discriminator(self, real, fake):
            Signalling.calls += torch.is_grad_enabled()
            if torch.is_grad_enabled() and Signalling.calls == after:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().discriminator(real, fake)

    with pytest.raises(Interrupted):
        go(replace(parts, loss=Signalling()), folder, tracker)


def test_every_epoch_is_reported_once_with_its_picture(whole):
    _, tracker = whole
    assert [(epoch, pictures) for epoch, _, pictures in tracker.told] == [
        (1, ["plot_epoch_001_generated.png"]), (2, ["plot_epoch_002_generated.png"]),
    ]  # fmt: skip
    names = set(tracker.told[0][1])
    assert {"progress/images_seen", "loss/generator_train_loss", "diagnostics/score_gap"} <= names
    assert tracker.ended == [("finished", ["final/class_walk", "final/interpolation",
                                           "final/loss_curve"])]  # fmt: skip


@pytest.mark.parametrize("tracker", [Meddling(), Failing("log"), Failing("end")])
def test_no_tracker_changes_a_number(tiny_parts, tmp_path, whole, tracker):
    record = go(tiny_parts, tmp_path / "tracked", tracker)
    assert lasting(tmp_path / "tracked") == lasting(whole[0])
    assert record.status == "finished"
    assert {"generator", "interpolation"} <= set(record.artifacts)


@pytest.mark.parametrize("after", [5, 20])  # of 12 updates in each of two epochs
def test_a_killed_run_has_each_epoch_once_in_its_tracker_and_in_metrics_jsonl(
    tiny_parts, tmp_path, whole, after
):
    tracker = Noting()  # of both processes: what it holds outlives them
    interrupted(tiny_parts, tmp_path / "broken", tracker, after=after)
    assert tracker.ended == [("interrupted", [])]
    go(tiny_parts, tmp_path / "broken", tracker)
    assert tracker.told == whole[1].told
    assert tracker.begun == 2
    expected = lines(whole[0])
    assert [row["epoch"] for row in expected] == [1, 2]
    found = lines(tmp_path / "broken")
    for row in [*expected, *found]:
        assert row.pop("seconds") > 0
        assert row.pop("images_per_second") > 0
    assert found == expected
    assert list(found[0]) == (whole[0] / "history.csv").read_text().splitlines()[0].split(",")


def test_a_number_that_is_not_finite_is_null_in_the_file_and_not_reported(tiny_parts, tmp_path):
    """Without an update of G in an epoch, its losses in training have no mean."""
    tracker = Noting()
    settings = replace(tiny_parts.trainer, epochs=1, n_critic=20)  # of 12 updates in an epoch
    go(replace(tiny_parts, trainer=settings), tmp_path, tracker)
    (row,), ((_, values, _),) = lines(tmp_path), tracker.told
    assert row["generator_train_loss"] is None
    assert "loss/generator_train_loss" not in values
    assert values["loss/discriminator_train_loss"] == row["discriminator_train_loss"]


def test_a_tracker_that_cannot_begin_is_an_error_before_any_training(tiny_parts, tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot begin: OSError.*No space.*tracker=none"):
        go(tiny_parts, tmp_path, Failing("begin"))
    assert not (tmp_path / "history.csv").exists()


def test_a_tracker_that_fails_later_is_dropped_with_one_warning(tiny_parts, tmp_path, capsys):
    tracker = Failing("log")
    go(tiny_parts, tmp_path, tracker)
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "tracker" in line]
    assert told == (
        "gan_zoo: warning: bce seed 0: tracker Failing failed: RuntimeError: database is locked."
        " The run continues without it; its folder has everything"
    )
    assert len(tracker.told) == 1
    assert tracker.ended == []


class Exploding(Bce):
    """NaN at the ``at``-th of D's updates, ``times`` times."""

    def __init__(self, at, times=1):
        object.__setattr__(self, "left", [at, times])

    def discriminator(self, real, fake):
        loss = super().discriminator(real, fake)
        if not torch.is_grad_enabled():
            return loss
        self.left[0] -= 1
        if self.left[0] == 0 and self.left[1]:
            self.left[1] -= 1
            return loss * float("nan")
        return loss


def test_after_a_rollback_only_the_remaining_epochs_are_shown(tiny_parts, tmp_path):
    tracker = Noting()
    settings = replace(tiny_parts.trainer, epochs=4, checkpoint_every=2, on_divergence="rollback")
    parts = replace(tiny_parts, trainer=settings, loss=Exploding(at=42))  # in epoch 4, to epoch 2
    record = go(parts, tmp_path, tracker)
    assert [rollback["to_epoch"] for rollback in record.rollbacks] == [2]
    assert [epoch for epoch, *_ in tracker.told] == [1, 2, 3, 4]
    assert tracker.begun == 2
    shown = [values["loss/generator_train_loss"] for _, values, _ in tracker.told]
    assert shown == [row["generator_train_loss"] for row in lines(tmp_path)]


def test_a_diverged_run_shows_the_epochs_up_to_the_measured_one(tiny_parts, tmp_path):
    tracker = Noting()
    settings = replace(tiny_parts.trainer, epochs=4, checkpoint_every=2)
    record = go(replace(tiny_parts, trainer=settings, loss=Exploding(at=42)), tmp_path, tracker)
    assert (record.status, record.measured_epoch) == ("diverged", 2)
    assert [epoch for epoch, *_ in tracker.told] == [row["epoch"] for row in lines(tmp_path)]
    assert tracker.ended[0][0] == "diverged"


def test_columns_are_sorted_into_groups():
    assert tag("ema_fid_mnistcnn_validation_1k") == "validation/ema_fid_mnistcnn_validation_1k"
    assert tag("discriminator_train_penalty") == "loss/discriminator_train_penalty"
    assert tag("update_ratio_generator") == "diagnostics/update_ratio_generator"
    assert tag("modes_ring_30") == "validation/modes_ring_30"
