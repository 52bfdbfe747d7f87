"""TensorBoard's reader finds the numbers of the run's files, each epoch once."""

import importlib.util
import io
import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gan_zoo.losses.bce import Bce
from gan_zoo.runs.record import RunRecord
from gan_zoo.training.signals import Interrupted
from gan_zoo.training.trackers import TensorBoard
from tests.running import run_components

CONFIG = {"optimizer": {"generator": {"_target_": "torch.optim.Adam", "lr": 1e-3}}}


def go(parts, folder):
    return run_components(replace(parts, tracker=TensorBoard()), folder, config=CONFIG)


def shown(folder):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = reader.EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    return found.Reload()


def scalars(folder):
    found = shown(folder)
    return {
        tag: [(event.step, event.value) for event in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
        if "seconds" not in tag and "per_second" not in tag
    }


@pytest.fixture
def whole(tiny_parts, tmp_path):
    pytest.importorskip("tensorboard")
    record = go(tiny_parts, tmp_path / "whole")
    return tmp_path / "whole", record


def test_scalars_pictures_and_hyperparameters_are_those_of_the_run(whole):
    folder, record = whole
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    found = shown(folder)
    for name, group in (("generator_train_loss", "loss"), ("score_gap", "diagnostics"),
                        ("seconds", "progress")):  # fmt: skip
        events = found.Scalars(f"{group}/{name}")
        assert [event.step for event in events] == [row["epoch"] for row in rows] == [1, 2]
        assert [event.value for event in events] == pytest.approx([row[name] for row in rows])
        times = [event.wall_time for event in events]
        # a float64 of seconds since 1970 resolves 2.4e-7 s
        passed = rows[1]["seconds"] - rows[0]["seconds"]
        assert times[1] - times[0] == pytest.approx(passed, abs=1e-6)
    for event in found.Images("samples"):
        path = folder / f"samples/plot_epoch_{event.step:03d}_generated.png"
        picture = Image.open(io.BytesIO(event.encoded_image_string)).convert("L")
        assert np.array_equal(picture, Image.open(path))
    assert record.metrics == {}  # as of points of one's own; it has all the rest
    assert "final/loss_curve" in found.Tags()["images"]
    assert "_hparams_/session_start_info" in found.summary_metadata


def test_hyperparameters_are_shown_with_the_final_metrics(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.plugins.hparams import plugin_data_pb2

    tracker = TensorBoard()
    record = RunRecord("abc", "bce", 5, "running", config=CONFIG, started="2026-01-02T03:04:05Z")
    tracker.begin(tmp_path, record)
    tracker.log(1, {"progress/seconds": 2.0, "loss/generator_train_loss": 0.5}, {})
    record.metrics, record.progress = {"fid": 3.0, "kid": None}, {"epoch": 1, "seconds": 2.0}
    tracker.end(record, {})
    found = shown(tmp_path)
    assert [(event.step, event.value) for event in found.Scalars("final/fid")] == [(1, 3.0)]
    content = found.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    told = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert told["loss"].string_value == "bce"
    assert told["seed"].number_value == 5
    assert told["optimizer.generator.lr"].number_value == 1e-3


def test_a_resumed_run_has_no_point_twice(tiny_parts, tmp_path, whole):
    class Signalling(Bce):
        calls = 0

        def discriminator(self, real, fake):
            Signalling.calls += torch.is_grad_enabled()
            if torch.is_grad_enabled() and Signalling.calls == 20:  # in the second of two epochs
                os.kill(os.getpid(), signal.SIGTERM)
            return super().discriminator(real, fake)

    folder = tmp_path / "broken"
    with pytest.raises(Interrupted):
        go(replace(tiny_parts, loss=Signalling()), folder)
    assert [step for step, _ in scalars(folder)["loss/generator_train_loss"]] == [1]
    go(tiny_parts, folder)
    assert scalars(folder) == scalars(whole[0])


def test_a_missing_package_is_an_error_that_names_the_extra(monkeypatch):
    true = importlib.util.find_spec
    monkeypatch.setattr(
        "gan_zoo.config.validate.find_spec",
        lambda name: None if name == "tensorboard" else true(name),
    )
    with pytest.raises(
        ValueError, match=r"tracker=tensorboard needs tensorboard, .*\[tensorboard\]"
    ):
        TensorBoard()
