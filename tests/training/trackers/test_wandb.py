"""An offline run of Weights & Biases holds each epoch of a run once."""

import json
import struct
import time

import pytest
from PIL import Image

from gan_zoo.runs.record import RunRecord
from gan_zoo.training.trackers import Wandb

BLOCK = 2**15


def records(file):
    """Return the records of a LevelDB log, in which a long one is split into chunks."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, found, position = file.read_bytes(), [], 7  # after the magic number
    while position + 7 <= len(content):
        length, kind = struct.unpack_from("<HB", content, position + 4)
        chunk = content[position + 7 : position + 7 + length]
        if kind in (1, 2):  # whole, or the first part of several
            found.append(chunk)
        elif kind in (3, 4):
            found[-1] += chunk
        position += 7 + length
        left = BLOCK - position % BLOCK
        position += left if left < 7 else 0
    return list(map(Record.FromString, found))


def history(file):
    """Return the rows that were logged: name -> value."""
    return [
        {".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for record in records(file)
        if record.HasField("history")
    ]


def test_a_resumed_run_has_one_file_with_its_id_and_no_point_twice(tmp_path, capfd):
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    Image.new("L", (20, 20)).save(tmp_path / "picture.png")
    record = RunRecord("abc", "bce", 3, "running", config={"trainer": {"n_critic": 2}})
    names = []
    for epochs, ends in ((1, False), (2, True)):
        tracker = Wandb("test")
        tracker.begin(tmp_path, record)
        for epoch in range(1, epochs + 1):
            picture = {"samples": tmp_path / "picture.png"} if epoch == 1 else {}
            tracker.log(epoch, {"progress/seconds": 1.0, "loss/g": epoch / 4}, picture)
        if ends:
            record.metrics, record.progress = {"fid": 3.0, "kid": None}, {"epoch": epochs}
            record.status = "finished"
            tracker.end(record, {})
        else:
            tracker._finish(1)  # its process ends without a word
        (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
        names.append(file.name)
    assert names[0] == names[1]  # of the same id
    assert capfd.readouterr().out == ""  # standard output is not a tracker's
    until = time.monotonic() + 60  # a process of wandb's own writes it
    while b"final/fid" not in file.read_bytes():
        assert time.monotonic() < until
        time.sleep(0.05)
    rows = history(file)
    points = [(row["_step"], row["loss/g"]) for row in rows if "loss/g" in row]
    assert points == [(1, 0.25), (2, 0.5)]
    assert [row["final/fid"] for row in rows if "final/fid" in row] == [3.0]
    (config,) = (each.run.config.update for each in records(file) if each.HasField("run"))
    values = {item.key: json.loads(item.value_json) for item in config}
    assert (values["seed"], values["trainer.n_critic"]) == (3, 2)
    assert len(list(file.parent.glob("files/media/images/samples_*.png"))) == 1


def test_a_missing_package_is_an_error_that_names_the_extra(monkeypatch):
    monkeypatch.setattr("gan_zoo.config.validate.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"tracker=wandb needs wandb, .*'gan-zoo\[wandb\]'"):
        Wandb()
