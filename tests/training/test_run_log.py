"""``run.log`` holds what its run said on standard error, and nothing of other runs."""

import io
import os
import re
import signal
import sys
from dataclasses import replace

import pytest
import torch

from gan_zoo.losses.bce import Bce
from gan_zoo.runs.record import RunSpec
from gan_zoo.training.run import run
from gan_zoo.training.run_log import LOG_NAME, RunLog
from gan_zoo.training.signals import Interrupted
from gan_zoo.training.steps import finish
from tests.running import run_components

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 ")


class Speaking(Bce):
    """Print, interrupt or fail at given updates of D, counted from 1."""

    def __init__(self, **at):
        object.__setattr__(self, "at", {update: what for what, update in at.items()})
        object.__setattr__(self, "updates", [0])

    def discriminator(self, real, fake):
        self.updates[0] += torch.is_grad_enabled()
        what = self.at.get(self.updates[0]) if torch.is_grad_enabled() else None
        if what == "prints":
            print("one update", file=sys.stderr)
        elif what == "stops":
            os.kill(os.getpid(), signal.SIGTERM)
        elif what == "fails":
            raise RuntimeError("broken\non purpose")
        return super().discriminator(real, fake)


def lines(folder):
    """Return the lines of a log without their times, which each of them has."""
    found = (folder / LOG_NAME).read_text().splitlines()
    assert all(TIME.match(line) for line in found)
    return [TIME.sub("", line) for line in found]


def test_the_log_is_what_was_said_and_a_resumed_run_appends(tiny_parts, tmp_path, capsys):
    with pytest.raises(Interrupted):
        run_components(replace(tiny_parts, loss=Speaking(prints=2, stops=20)), tmp_path)
    run_components(tiny_parts, tmp_path)
    said = capsys.readouterr().err.splitlines()
    assert "one update" in said
    begun, *first, stopped, resumed, last, end = lines(tmp_path)
    assert [*first, last] == said
    assert re.match(
        r"started: loss=bce seed=0; gan_zoo \S+ .*torch .*; cpu of .*process \d+", begun
    )
    assert stopped == "interrupted"
    assert resumed.startswith("resumed in epoch 2, step 8: loss=bce seed=0; ")
    assert re.match(r"bce seed 0 epoch 2/2  \d+ images/s  G \d\.\d{3}  D ", last)
    assert end == "finished"
    assert not isinstance(sys.stderr, RunLog)
    assert not hasattr(sys.stderr, "stream")  # standard error is what it was


def test_a_failed_run_leaves_its_traceback(tiny_parts, tmp_path):
    with pytest.raises(RuntimeError):
        run_components(replace(tiny_parts, loss=Speaking(fails=3)), tmp_path)
    found = lines(tmp_path)
    assert found[2:5] == ["failed: broken", "on purpose", "Traceback (most recent call last):"]
    assert found[-1] == "on purpose"


def test_runs_of_a_batch_have_logs_of_their_own_and_share_what_an_update_says(tiny_parts, tmp_path):
    """As ``hydra/launcher=batched`` has them: suspended at each update while others train."""
    spec = RunSpec("2 epochs", "bce", 0, config={})
    runs = [
        run.steps(replace(spec, seed=seed), lambda: tiny_parts, tmp_path / str(seed))
        for seed in (0, 1)
    ]
    trainers = [next(each) for each in runs]
    print("an update of both", file=sys.stderr)
    for each, trainer in zip(runs, trainers, strict=True):
        finish(each, trainer)
    for seed in (0, 1):
        own = lines(tmp_path / str(seed))
        epochs = [line for line in own if " epoch " in line]
        assert [line[: len("bce seed 0 epoch 1")] for line in epochs] == [
            f"bce seed {seed} epoch 1", f"bce seed {seed} epoch 2",
        ]  # fmt: skip
        assert own.count("an update of both") == 1
        assert own[-1] == "finished"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_progress_bar_is_not_in_the_log_but_what_is_said_meanwhile_is(
    tiny_parts, tmp_path, monkeypatch
):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    spec = RunSpec("2 epochs", "bce", 0, config={})
    run(spec, lambda: replace(tiny_parts, loss=Speaking(prints=4)), tmp_path, bar=True)
    screen = sys.stderr.getvalue()
    assert "\x1b[" in screen  # the bar was drawn
    assert screen.count("one update") == 1
    text = (tmp_path / LOG_NAME).read_text()
    assert "\x1b" not in text
    found = lines(tmp_path)
    assert found.count("one update") == 1
    assert sum(line.startswith("bce seed 0 epoch ") for line in found) == 2


def test_a_log_that_cannot_be_written_costs_no_run(tiny_parts, tmp_path, capsys):
    (tmp_path / LOG_NAME).symlink_to("/dev/full")
    assert run_components(tiny_parts, tmp_path).status == "finished"
    (warning,) = [line for line in capsys.readouterr().err.splitlines() if LOG_NAME in line]
    assert warning == (
        f"gan_zoo: warning: {tmp_path / LOG_NAME} cannot be written (No space left on device): the"
        " run continues without it"
    )


def test_a_line_is_logged_as_it_looks_when_it_ends(tmp_path, capsys):
    with RunLog(tmp_path):
        for piece in ("\r 10%", "\r 90%", "\r100%\n", "Windows\r\n", "a", "b", "\n", "cut off"):
            sys.stderr.write(piece)
    assert lines(tmp_path) == ["100%", "Windows", "ab", "cut off"]
    assert capsys.readouterr().err.endswith("ab\ncut off")
