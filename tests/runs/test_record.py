"""Records are written completely or not at all, and read in all versions."""

import csv
import json
import os

import pytest

from gan_zoo.runs.record import (
    SCHEMA_VERSION,
    RecordError,
    RunRecord,
    read_record,
    write_record,
    write_rows,
    write_text,
)


def record(status="finished"):
    return RunRecord(
        run_id="abc", loss="wgan", seed=3, status=status, metrics={"fid": None, "x": 0.1}
    )


def test_a_record_is_read_as_it_was_written(tmp_path):
    write_record(tmp_path, record())
    assert read_record(tmp_path) == record()


def test_a_record_never_holds_a_number_that_json_lacks(tmp_path):
    bad = record()
    bad.metrics["fid"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_record(tmp_path, bad)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    write_text(tmp_path / "a.txt", "old")

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "cannot be read as JSON"),
        ("[1]", "expected a JSON object"),
        ("{}", "schema version None"),
        (json.dumps({"schema_version": SCHEMA_VERSION + 1}), "upgrade"),
        (json.dumps({"schema_version": 1, "loss": "bce"}), "missing"),
        (json.dumps({"schema_version": 1, "run_id": "a", "loss": "b", "seed": 0, "status": "odd"}),
         "status is 'odd'"),
    ],
)  # fmt: skip
def test_the_error_for_a_damaged_record_names_the_reason(tmp_path, content, told):
    (tmp_path / "record.json").write_text(content)
    with pytest.raises(RecordError, match=told):
        read_record(tmp_path)


def test_a_key_of_another_version_is_ignored(tmp_path):
    content = {
        "schema_version": 1,
        "run_id": "a",
        "loss": "b",
        "seed": 0,
        "status": "failed",
        "new": 1,
    }
    (tmp_path / "record.json").write_text(json.dumps(content))
    assert read_record(tmp_path).status == "failed"


def test_reference_scores_of_older_schemas_are_read(tmp_path):
    """Schema versions below 3 call them floors, in the record and in the configuration."""
    content = {"schema_version": 1, "run_id": "a", "loss": "b", "seed": 0, "status": "finished",
               "floors": {"fid_test": {"real": 1.0}},
               "config": {"seed": 0, "evaluation": {"floors": False, "every": 1}}}  # fmt: skip
    (tmp_path / "record.json").write_text(json.dumps(content))
    found = read_record(tmp_path)
    assert found.reference_scores == {"fid_test": {"real": 1.0}}
    assert found.config == {"seed": 0, "evaluation": {"reference_scores": False, "every": 1}}


def test_rows_keep_every_digit(tmp_path):
    write_rows(tmp_path / "h.csv", [{"epoch": 1, "x": 0.1 + 0.2}, {"epoch": 2, "x": ""}])
    rows = list(csv.DictReader((tmp_path / "h.csv").read_text().splitlines()))
    assert float(rows[0]["x"]) == 0.1 + 0.2
    assert rows[1]["x"] == ""
