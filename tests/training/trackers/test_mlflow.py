"""MLflow's database has each epoch of a run once; runs of other folders are not changed."""

import fcntl
import sys
from types import SimpleNamespace

import pytest
from PIL import Image

from gan_zoo.runs.record import RunRecord
from gan_zoo.training.trackers import MLflow


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow uses what SQLAlchemy will drop
def test_a_resumed_run_is_the_same_run_and_has_no_point_twice(tmp_path, monkeypatch, capfd):
    mlflow = pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    pytest.importorskip("sqlalchemy", reason="the extra mlflow is not installed")
    monkeypatch.chdir(tmp_path)  # where the database and the pictures go
    Image.new("L", (20, 20)).save("picture.png")
    folders = [tmp_path / "one's/bce-s0", tmp_path / "two/bce-s0"]  # of one name, in two sweeps
    for folder, epochs, ends in ((0, 1, True), (1, 2, False), (1, 3, True)):
        record = RunRecord("abc", "bce", 0, "running", started="2026-01-02T03:04:05+00:00",
                           config={"trainer": {"n_critic": 2}})  # fmt: skip
        tracker = MLflow("test")
        tracker.begin(folders[folder], record)
        for epoch in range(1, epochs + 1):
            picture = {"samples": tmp_path / "picture.png"} if epoch == 1 else {}
            tracker.log(epoch, {"progress/seconds": 2.0 * epoch, "loss/g": epoch / 4}, picture)
        if ends:
            record.metrics = {"fid": 3.0, "kid": None}
            record.progress = {"epoch": epochs, "seconds": 7.0}
            record.status = "finished" if folder else "failed"
            tracker.end(record, {})
    assert capfd.readouterr().out == ""  # standard output is not a tracker's
    client = mlflow.MlflowClient("sqlite:///mlflow.db")
    experiment = client.get_experiment_by_name("test").experiment_id
    found = {run.data.tags["folder"]: run for run in client.search_runs([experiment])}
    assert {folder: run.info.status for folder, run in found.items()} == {
        str(folders[0]): "FAILED", str(folders[1]): "FINISHED",
    }  # fmt: skip
    assert [path.name for path in tmp_path.glob("mlruns/*/*/artifacts/samples/*")] == [
        "picture.png"
    ] * 3  # also of the run that was replaced, which MLflow keeps as deleted
    for folder, epochs in zip(folders, (1, 3), strict=True):
        run = found[str(folder)]
        assert run.info.run_name == "bce-s0"
        assert run.data.params == {"loss": "bce", "seed": "0", "trainer.n_critic": "2"}
        assert run.data.metrics["final/fid"] == 3.0
        points = client.get_metric_history(run.info.run_id, "loss/g")
        begun = run.info.start_time
        assert [(p.step, p.value, p.timestamp - begun) for p in points] == [
            (epoch, epoch / 4, 2000 * epoch) for epoch in range(1, epochs + 1)
        ]


@pytest.mark.parametrize(
    ("uri", "missing"), [("sqlite:///a.db", "mlflow, sqlalchemy"), ("http://host", "mlflow")]
)
def test_a_missing_package_is_an_error_that_names_the_extra(monkeypatch, uri, missing):
    monkeypatch.setattr("gan_zoo.config.validate.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=rf"tracker=mlflow needs {missing}, .*'gan-zoo\[mlflow\]'"):
        MLflow(uri=uri)


@pytest.mark.parametrize(("uri", "locked"), [("sqlite:///{}/a.db", True), ("http://host", False)])
def test_workers_create_a_database_one_after_the_other(tmp_path, monkeypatch, uri, locked):
    found = []

    def client(_):
        with (tmp_path / "a.db.lock").open("a") as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(True)
            else:
                found.append(False)
        raise RuntimeError("seen")

    monkeypatch.setattr("gan_zoo.config.validate.find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(MlflowClient=client))
    with pytest.raises(RuntimeError, match="seen"):
        MLflow(uri=uri.format(tmp_path)).begin(tmp_path, RunRecord("abc", "bce", 0, "running"))
    assert found == [locked]
