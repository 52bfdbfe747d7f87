import json
import math

import pytest

from gan_zoo.report.load import ReportError, finite, load, variant_names
from gan_zoo.runs.record import RunRecord


def record(loss, *overrides):
    return RunRecord("", loss, 0, "finished", list(overrides))


def test_variant_is_the_loss_and_the_overrides_not_shared():
    records = [record("bce", "e=3", "lr=1"), record("bce", "e=3", "lr=2"), record("wgan", "e=3")]
    assert variant_names(records) == ["bce lr=1", "bce lr=2", "wgan"]
    assert variant_names(records[:1]) == ["bce"]


@pytest.mark.parametrize(
    "value", [None, "1", True, math.nan, math.inf, -math.inf, 10**400, [1], {"a": 1}]
)
def test_values_that_are_not_finite_numbers_become_none(value):
    assert finite(value) is None


def test_runs_in_the_order_of_the_sweep(tmp_path, write_run):
    for number in (10, 2, 0):
        write_run(tmp_path / "s" / str(number), seed=number)
    assert [run.record.seed for run in load([tmp_path / "s"]).runs] == [0, 2, 10]


def test_a_run_below_two_given_folders_counts_once(tmp_path, write_run):
    write_run(tmp_path / "s" / "0")
    assert len(load([tmp_path / "s", tmp_path / "s" / "0"]).runs) == 1


@pytest.mark.parametrize(
    ("name", "reason"), [(".", r"no record\.json below"), ("nowhere", "no such folder")]
)
def test_folder_without_runs(tmp_path, name, reason):
    with pytest.raises(ReportError, match=reason):
        load([tmp_path / name])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be read as JSON"),
        (b'{"schema_version": 1, "loss": ', "cannot be read as JSON"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        (b"[1, 2]", "expected a JSON object"),
        (b'{"schema_version": 99}', "schema version 99"),
        (b'{"schema_version": 1, "loss": "bce"}', "missing"),
        (
            b'{"schema_version": 1, "run_id": "", "loss": "b", "seed": 0, "status": "odd"}',
            "status is 'odd'",
        ),
        (
            b'{"schema_version": 1, "run_id": "", "loss": "b", "seed": "x", "status": "failed"}',
            "seed holds str, expected int",
        ),
        (
            b'{"schema_version": 1, "run_id": "", "loss": "b", "seed": 0, "status": "failed",'
            b' "metrics": [1]}',
            "metrics holds list, expected dict",
        ),
        (
            b'{"schema_version": 1, "run_id": "", "loss": "b", "seed": 0, "status": "failed",'
            b' "divergence_range": "all"}',
            "divergence_range holds str, expected list | None",
        ),
    ],
)
def test_damaged_record_is_listed_with_its_reason(tmp_path, write_run, content, reason):
    write_run(tmp_path / "s" / "0")
    broken = write_run(tmp_path / "s" / "1", seed=1)
    (broken / "record.json").write_bytes(content)
    found = load([tmp_path / "s"])
    assert len(found.runs) == 1
    assert found.unreadable[0].label == "s/1"
    assert reason in found.unreadable[0].reason
    assert str(tmp_path) not in found.unreadable[0].reason


def test_nan_metrics_of_a_record_become_none(tmp_path, write_run):
    write_run(tmp_path / "s" / "0", metrics={"a": math.nan, "b": -math.inf, "c": 2, "d": None})
    metrics = load([tmp_path / "s"]).runs[0].record.metrics
    assert metrics == {"a": None, "b": None, "c": 2.0, "d": None}


def test_history_and_timing_are_joined_by_epoch(tmp_path, write_run):
    write_run(tmp_path / "s" / "0", epochs=3)
    history = load([tmp_path / "s"]).runs[0].history
    assert history["epoch"].tolist() == [1, 2, 3]
    assert history["seconds"].tolist() == [2, 4, 6]


@pytest.mark.parametrize(
    "content", [b"", b"epoch,a\n", b"\x00\xff\x00", b"a,b\n1,2\n", b"epoch\n1,2\n"]
)
def test_damaged_history_leaves_the_run(tmp_path, write_run, content):
    folder = write_run(tmp_path / "s" / "0")
    (folder / "history.csv").write_bytes(content)
    (run,) = load([tmp_path / "s"]).runs
    assert run.history.empty


def test_cells_that_are_not_numbers_are_missing(tmp_path, write_run):
    folder = write_run(tmp_path / "s" / "0")
    (folder / "history.csv").write_text("epoch,a\n1,0.5\n2,nan\n3,inf\n4,oops\n4,7\nx,8\n9,1,2\n5")
    history = load([tmp_path / "s"]).runs[0].history
    assert history["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert history["a"].dropna().tolist() == [0.5, 7.0]


def test_of_two_runs_of_one_seed_one_counts(tmp_path, write_run):
    write_run(tmp_path / "0", started="2026-01-01")
    write_run(tmp_path / "1", started="2026-01-03", status="failed")
    write_run(tmp_path / "2", started="2026-01-02", status="diverged")
    write_run(tmp_path / "3", started="2026-01-01", seed=1)
    found = load([tmp_path])
    # an end (finished or diverged) goes before none, then the later start
    assert [run.folder.name for run in found.runs] == ["2", "3"]
    assert [run.folder.name for run in found.repeated] == ["0", "1"]


def test_one_seed_in_two_variants_is_not_a_repetition(tmp_path, write_run):
    write_run(tmp_path / "0", overrides=["lr=1"])
    write_run(tmp_path / "1", overrides=["lr=2"])
    assert load([tmp_path]).repeated == ()


def test_deeply_nested_records_are_listed(tmp_path, write_run):
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    text = '{"schema_version":1,"run_id":"","loss":"x","seed":0,"status":"failed","config":%s}'
    for name, content in (("0", text % deep), ("1", "[" * 200_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.json").write_text(content)
    reasons = [item.reason for item in load([tmp_path]).unreadable]
    assert len(reasons) == 2
    assert all("nested" in reason for reason in reasons)


def test_control_characters_and_half_surrogates_are_replaced(tmp_path, write_run):
    write_run(tmp_path / "0", loss="a\x00b\ud800c\td")
    (run,) = load([tmp_path]).runs
    assert run.record.loss == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\td"


@pytest.mark.parametrize("seed", [True, 1.5, "1", None])
def test_odd_seeds_are_listed(tmp_path, write_run, seed):
    write_run(tmp_path / "0", seed=0, history=[])
    record_path = tmp_path / "0" / "record.json"
    content = json.loads(record_path.read_text()) | {"seed": seed}
    record_path.write_text(json.dumps(content))
    assert len(load([tmp_path]).unreadable) == 1


@pytest.mark.parametrize(
    ("recorded", "read"),
    [
        ([0, 1.5], [0, 1.5]),
        ([None, 0], [None, 0]),
        ([None, None], [None, None]),
        ([2, 1], None),
        (["x", 1], None),
        ([0], None),
        (None, None),
    ],
)
def test_the_range_of_a_divergence(tmp_path, write_run, recorded, read):
    write_run(tmp_path / "0", divergence_range=recorded)
    assert load([tmp_path]).runs[0].record.divergence_range == read
