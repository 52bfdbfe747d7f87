"""The landscapes of a sweep in one picture."""

import numpy as np
import pytest
from PIL import Image

from gan_zoo.experiments.landscapes import summarise
from gan_zoo.runs.record import RunRecord, write_record

COLOURS = {"a": (255, 0, 0), "b": (0, 0, 255)}


def leave(folder, loss, status):
    (folder / loss).mkdir()
    Image.new("RGB", (60, 50), COLOURS[loss]).save(folder / loss / "landscape.png")
    record = RunRecord(run_id=loss, loss=loss, seed=0, status=status, started=loss)
    record.artifacts = {"landscape": "landscape.png"}
    write_record(folder / loss, record)


def test_shows_every_finished_run_in_its_order(tmp_path):
    for name in COLOURS:
        leave(tmp_path, name, "finished")
    path = tmp_path / "landscapes.png"
    assert summarise(tmp_path).endswith(str(path))
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    columns = [np.nonzero((pixels == colour).all(2))[1] for colour in COLOURS.values()]
    assert len(columns[0]) > 0.2 * pixels.shape[0] * pixels.shape[1]
    assert columns[0].max() < columns[1].min()


def test_leaves_out_what_did_not_finish(tmp_path):
    leave(tmp_path, "a", "diverged")
    with pytest.raises(ValueError, match="holds no finished run"):
        summarise(tmp_path)
