"""Failures around a run are recorded and change no number of the resumed run."""

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gan_zoo.losses.bce import Bce
from gan_zoo.runs.record import read_record
from gan_zoo.training.checkpoint import load_state
from gan_zoo.training.process import OutOfMemory
from gan_zoo.training.signals import Interrupted, stopping
from tests.running import run_components as go

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError("64 GB"), OutOfMemory),
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        (ValueError("odd"), ValueError),
    ],
)
def test_a_failed_run_is_recorded_and_can_be_resumed(tiny_parts, tmp_path, error, kind):
    class Failing(Bce):
        calls = 0

        def generator(self, fake, real=None):
            Failing.calls += torch.is_grad_enabled()
            if Failing.calls == 15:  # of 12 in an epoch
                raise error
            return super().generator(fake, real)

    go(tiny_parts, tmp_path / "whole")
    with pytest.raises(kind) as caught:
        go(replace(tiny_parts, loss=Failing()), tmp_path / "failed")
    record = read_record(tmp_path / "failed")
    assert record.status == "failed"
    assert record.error["kind"] == kind.__name__
    assert record.error["message"] == str(caught.value)
    go(tiny_parts, tmp_path / "failed")
    history = [(tmp_path / name / "history.csv").read_bytes() for name in ("whole", "failed")]
    assert history[0] == history[1]


def test_a_full_disk_raises_and_keeps_the_last_state(tiny_parts, tmp_path, monkeypatch, capsys):
    go(tiny_parts, tmp_path / "whole")
    true, left = os.fsync, [13]  # so many files still have room: into the second epoch

    def fsync(handle):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        true(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="cannot write: No space left on device") as told:
        go(tiny_parts, tmp_path / "full")
    assert told.value.filename.startswith(str(tmp_path / "full"))
    assert "how the run ended could not be recorded" in capsys.readouterr().err
    assert read_record(tmp_path / "full").status == "running"  # it could not say otherwise
    monkeypatch.undo()
    state = load_state(tmp_path / "full")
    assert state["position"]["epoch"] == 2
    go(tiny_parts, tmp_path / "full")
    for name in ("history.csv", "checkpoints/params_generator_epoch_002.safetensors"):
        assert (tmp_path / "full" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_first_signal_is_deferred_and_a_second_is_not():
    with stopping() as stop:
        with stop.deferred():
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.signal == signal.SIGINT
            with pytest.raises(Interrupted):
                os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted) as told:
            stop.check()
        assert told.value.exit_code == 143
    with stopping() as stop, pytest.raises(Interrupted) as told:
        os.kill(os.getpid(), signal.SIGINT)  # nothing is deferred
    assert told.value.exit_code == 130


def test_the_signal_handlers_are_restored():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stopping():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_scheduler_s_warning_is_deferred_and_then_passed_to_its_listener():
    heard = []

    def train():
        with stopping() as stop:
            with stop.deferred():
                os.kill(os.getpid(), signal.SIGUSR2)
                os.kill(os.getpid(), signal.SIGTERM)  # comes with it, and is no impatience
                os.kill(os.getpid(), signal.SIGUSR2)
                assert stop.signal is not None  # what the training loop saves at
                assert heard == []
            stop.check()

    before = signal.signal(signal.SIGUSR2, lambda number, _: heard.append(number))
    try:
        with pytest.raises(Interrupted):
            train()
        assert heard == [signal.SIGUSR2]
        with stopping():
            pass
        assert heard == [signal.SIGUSR2]  # without a warning nothing is passed on
        assert callable(signal.getsignal(signal.SIGUSR2))
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_a_warning_without_a_listener_is_not_handled():
    assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL
    with stopping():
        assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL


def test_a_folder_that_cannot_be_written_to_is_a_one_line_error(tmp_path):
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "hydra.run.dir=file/run"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Not a directory: '" in done.stderr
    assert "Traceback" not in done.stderr
