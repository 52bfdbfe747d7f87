"""The study's tables hold what the runs left, from any number of sweeps, and are read unchanged."""

import json
import lzma
import subprocess

import pandas as pd
import pytest

from gan_zoo.experiments import study
from gan_zoo.report.load import load
from tests.report.conftest import write_run


def tables_of(folder):
    return study.tabulate(load([folder]).runs)


def test_a_row_for_each_run_that_ended_with_all_digits(sweeps, data):
    records = [json.loads(path.read_text()) for path in sweeps.rglob("record.json")]
    assert len(data.runs) == len(records) == 80 + 40 + 12 + 10 + 18
    rows = data.runs.set_index(study.KEY)
    for record in records:
        stage = record["overrides"][0].removeprefix("+experiment=study_")
        row = rows.loc[(stage, record["run_id"])]
        assert (row["loss"], row["seed"], row["status"]) == (
            record["loss"], record["seed"], record["status"],
        )  # fmt: skip
        assert row["setting"] == " ".join(record["overrides"][1:])
        assert row["seconds"] == record["progress"]["seconds"]
        for name, value in record["metrics"].items():
            assert row[name] == value
    lost = data.runs[data.runs["status"] == "diverged"]
    assert set(lost["error"]) == {"loss is nan"}
    assert lost["ema_fid_mnistcnn_test_10k"].isna().all()


def test_history_classes_configurations_and_references(data, sweeps):
    assert len(data.history) == 4 * len(data.runs)
    one = data.history[data.history["run_id"] == "mnist-bce-3-"]
    assert one["epoch"].tolist() == [1, 2, 3, 4]
    written = pd.read_csv(next(sweeps.glob("study_mnist/bce-s3-*/history.csv")))
    assert one["gradient_norm_generator"].tolist() == written["gradient_norm_generator"].tolist()
    assert one["seconds"].tolist() == [2, 4, 6, 8]
    keys = data.configurations.set_index([*study.KEY, "key"])["json"]
    assert json.loads(keys["mnist", "mnist-bce-3-", "optimizer.generator.lr"]) == 2e-3
    assert "seed" not in set(data.configurations["key"])
    real = data.references.set_index(["stage", "metric", "reference"])["value"]
    assert real["mnist", "fid_mnistcnn_test_10k", "real"] == 3.0


def test_what_has_not_ended_or_is_of_no_stage_is_left_out(tmp_path):
    words = ["+experiment=study_mnist"]
    write_run(tmp_path / "a", "bce", 0, "running", overrides=words)
    write_run(tmp_path / "b", "bce", 1, "interrupted", overrides=words)
    write_run(tmp_path / "c", "bce", 2, "finished", overrides=["+experiment=compare_families"])
    write_run(tmp_path / "d", "bce", 3, "failed", overrides=words)
    assert tables_of(tmp_path).runs["seed"].tolist() == [3]


def test_a_metric_that_is_not_finite_is_no_missing_one(tmp_path):
    metrics = {"fid_m_test_1k": None, "label_accuracy_m_test_1k": 0.5}
    write_run(tmp_path / "s" / "a", "bce", 0, metrics=metrics, overrides=["experiment=study_mnist"])
    write_run(tmp_path / "s" / "b", "bce", 1, metrics={"fid_m_test_1k": 2.0},
              overrides=["experiment=study_mnist"])  # fmt: skip
    study.write(tables_of(tmp_path / "s"), tmp_path / "data")
    first, second = study.collection(study.read(tmp_path / "data"), "mnist").runs
    assert first.record.metrics == metrics
    assert second.record.metrics == {"fid_m_test_1k": 2.0}


def test_tables_are_read_as_they_were_written_and_written_as_they_were_read(data, tmp_path):
    study.write(data, tmp_path / "one")
    again = study.read(tmp_path / "one")
    for name in ("runs", "configurations", "references"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(data, name))
    for name in ("history", "classes"):  # eight digits
        pd.testing.assert_frame_equal(getattr(again, name), getattr(data, name), rtol=1e-7)
    assert again.grids == data.grids
    study.write(again, tmp_path / "two")
    assert (tmp_path / "one" / study.SUMS).read_bytes() == (
        tmp_path / "two" / study.SUMS
    ).read_bytes()
    done = subprocess.run(["sha256sum", "-c", "--quiet", study.SUMS], cwd=tmp_path / "one",
                          check=False)  # fmt: skip
    assert done.returncode == 0
    assert len(pd.read_csv(tmp_path / "one" / "runs.csv.xz")) == len(data.runs)


def test_stages_merged_one_by_one_are_all_of_them_at_once(sweeps, data, tmp_path, capsys):
    out = tmp_path / "data"
    for stage in ("stress", "mnist", "fashion", "mnist", "search", "winners"):
        study.main([str(sweeps / f"study_{stage}"), f"out={out}"])
    assert "gan_zoo: 10 runs read, 160 in" in capsys.readouterr().out
    found = study.read(out)
    both = study.KEY
    for name in ("runs", "history", "configurations"):
        a, b = getattr(found, name), getattr(data, name)
        order = [*both, *({"history": ["epoch"], "configurations": ["key"]}.get(name, []))]
        a, b = (each.sort_values(order, ignore_index=True) for each in (a, b))
        pd.testing.assert_frame_equal(a[b.columns], b, rtol=1e-7)
    assert len(found.references) == len(data.references)
    assert found.grids.keys() == data.grids.keys()


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        (("failed", "2026-01-01"), ("finished", "2026-01-02"), 1.0),
        (("finished", "2026-01-02"), ("failed", "2026-01-03"), 0.0),
        (("finished", "2026-01-01"), ("finished", "2026-01-02"), 1.0),
        (("finished", "2026-01-02"), ("diverged", "2026-01-01"), 0.0),
        (("finished", "2026-01-01"), ("finished", "2026-01-01"), 1.0),
    ],
)
def test_of_a_run_that_both_have_the_ended_then_the_later_one_stays(tmp_path, old, new, kept):
    tables = []
    for value, (status, started) in enumerate((old, new)):
        history = [{"epoch": e, "x_validation": value} for e in (1, 2)]
        write_run(tmp_path / str(value), "bce", 0, status, {"fid_m_test_1k": float(value)},
                  ["+experiment=study_mnist"], history=history, started=started)  # fmt: skip
        tables.append(tables_of(tmp_path / str(value)))
    merged = study.merge(*tables)
    assert merged.runs["fid_m_test_1k"].tolist() == [kept]
    assert merged.history["x_validation"].tolist() == [kept, kept]
    assert merged.configurations["key"].is_unique


def test_few_pictures_are_kept_the_lowest_seed_s(data, picture, tmp_path):
    assert sorted(data.grids)[:2] == ["fashion/bce.png", "fashion/fgan_gan.png"]
    assert not [name for name in data.grids if name.startswith(("search", "stress"))]
    study.write(data, tmp_path)
    assert picture(tmp_path / "grids/mnist/bce.png")[0, 5] == 5  # seed 0's shades


@pytest.mark.parametrize("name", ["runs.csv.xz", "grids/mnist/bce.png"])
def test_a_damaged_or_missing_file_is_refused(data, tmp_path, name):
    study.write(data, tmp_path)
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(study.DamagedData, match=f"{name} does not fit its checksum"):
        study.read(tmp_path)
    path.unlink()
    with pytest.raises(study.DamagedData, match=f"{name} is missing"):
        study.read(tmp_path)


def test_no_data_are_empty_tables(tmp_path):
    assert study.read(tmp_path / "none").runs.empty
    assert list(study.read(tmp_path / "none").history.columns) == ["stage", "run_id", "epoch"]


def test_the_schema_describes_every_column_that_is_no_metric(data):
    page = (study.Path(__file__).parents[2] / "docs/study/README.md").read_text()
    for name in study._LEADING:
        assert f"`{name}`" in page, f"docs/study/README.md does not describe {name}"


def test_the_published_data_are_whole_and_small():
    folder = study.Path(__file__).parents[2] / study.FOLDER
    if not (folder / study.SUMS).exists():
        pytest.skip("no data are published yet")
    data = study.read(folder)
    assert data.runs.set_index(study.KEY).index.is_unique
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 10e6
    named = {line.split("  ")[1] for line in (folder / study.SUMS).read_text().splitlines()}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert there == {*named, study.SUMS}
    text = lzma.decompress((folder / "runs.csv.xz").read_bytes())
    assert b"/root/" not in text
