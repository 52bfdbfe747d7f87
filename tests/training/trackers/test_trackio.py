"""Trackio's database has each epoch of a run once; other runs are not changed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_zoo.training.trackers import Trackio

ROOT = Path(__file__).parents[3]

SCRIPT = """
import os, sys, time
from pathlib import Path
from gan_zoo.runs.record import RunRecord
from gan_zoo.training.trackers import Trackio

folder, ends, epochs = Path(sys.argv[1]), sys.argv[2] == "ends", int(sys.argv[3])
record = RunRecord("abc", "bce", 0, "running", started="2026-01-02T03:04:05Z",
                   config={"trainer": {"n_critic": 2}})
tracker = Trackio("test")
tracker.begin(folder, record)
for epoch in range(1, epochs + 1):
    picture = {"samples": folder / "picture.png"} if epoch == 1 else {}
    tracker.log(epoch, {"progress/seconds": 1.0, "loss/g": epoch / 4}, picture)
if ends:
    record.metrics, record.progress = {"fid": 3.0, "kid": None}, {"epoch": epochs}
    tracker.end(record, {})
else:
    time.sleep(3)  # for Trackio to write: what it has not written is told again anyway
    os._exit(0)  # no farewells, as when it is killed
"""
READ = """
import json, trackio
from trackio.sqlite_storage import SQLiteStorage
print(json.dumps([
    [run.name, run.config["folder"], run.config["trainer.n_critic"],
     SQLiteStorage.get_logs("test", run.name, run_id=run.id)]
    for run in trackio.Api().runs("test")
]))
"""


def python(code: str, *words: str, home: Path) -> str:
    """Run code in a new process: Trackio reads its folder from the environment on import."""
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False,
        env={**os.environ, "TRACKIO_DIR": str(home), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_resumed_run_is_the_same_run_and_has_no_point_twice(tmp_path):
    pytest.importorskip("trackio")
    from PIL import Image

    folders = [tmp_path / "one/bce-s0", tmp_path / "two/bce-s0"]  # of one name, in two sweeps
    for folder in folders:
        folder.mkdir(parents=True)
        Image.new("L", (20, 20)).save(folder / "picture.png")
    words = [(folders[0], "ends", "1"), (folders[1], "dies", "2"), (folders[1], "ends", "3")]
    for folder, *rest in words:
        told = python(SCRIPT, str(folder), *rest, home=tmp_path / "home")
        assert told == ""  # standard output is not Trackio's
    runs = {folder: (name, n_critic, logs) for name, folder, n_critic, logs in
            json.loads(python(READ, home=tmp_path / "home"))}  # fmt: skip
    assert set(runs) == {str(folder) for folder in folders}
    for folder, epochs in zip(folders, (1, 3), strict=True):
        name, n_critic, logs = runs[str(folder)]
        assert (name, n_critic) == ("bce-s0", 2)
        points = [(log["step"], log["loss/g"]) for log in logs if "loss/g" in log]
        assert points == [(epoch, epoch / 4) for epoch in range(1, epochs + 1)]
        assert [(log["step"], log["final/fid"]) for log in logs if "final/fid" in log] == [
            (epochs, 3.0)
        ]
        (picture,) = [log["samples"] for log in logs if "samples" in log]
        assert (tmp_path / "home/media" / picture["file_path"]).exists()


def test_a_missing_package_is_an_error_that_names_the_extra(monkeypatch):
    monkeypatch.setattr("gan_zoo.config.validate.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"tracker=trackio needs trackio, .*gan-zoo\[trackio\]"):
        Trackio()
