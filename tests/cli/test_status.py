"""The table of a sweep: planned, running and ended runs."""

import pytest

from gan_zoo.cli.status import Line, main, survey, time_left
from gan_zoo.runs.lock import LOCK_NAME, RunLock
from gan_zoo.runs.plan import Job, read_plan, write_plan
from gan_zoo.runs.record import RunRecord, write_record


def record(status, loss="bce", seed=0, *overrides, **more):
    config = {"trainer": {"epochs": 8}}
    return RunRecord("abc", loss, seed, status, list(overrides), config=config, **more)


def sweep(folder):
    progress = {"epoch": 2, "epochs": 8, "seconds": 30.0}
    write_record(folder / "finished", record("finished", "bce", 0, "a=1"))
    write_record(folder / "diverged", record(
        "diverged", "bce", 1, "a=1", error={"kind": "DivergenceError", "message": "loss became nan"}
    ))  # fmt: skip
    write_record(folder / "failed", record(
        "failed", "bce", 2, "a=1", error={"kind": "MemoryError", "message": "[all] of it"},
    ))  # fmt: skip
    write_record(folder / "killed", record("running", "bce", 3, "a=1", progress=progress))
    write_record(folder / "running", record("running", "bce", 4, "a=1", progress=progress))
    (folder / "damaged").mkdir()
    (folder / "damaged/record.json").write_text("{")
    runs = ["finished", "diverged", "failed", "killed", "running", "to-be"]
    write_plan(folder, [Job(run, "bce", seed, ("a=1",)) for seed, run in enumerate(runs)])


def test_every_run_has_its_state(tmp_path):
    sweep(tmp_path)
    with RunLock(tmp_path / "running"):
        lines = {line.run: line for line in survey(tmp_path)}
    assert {name: line.state for name, line in lines.items()} == {
        "finished": "finished", "diverged": "diverged", "failed": "failed",
        "killed": "interrupted", "running": "running", "damaged": "damaged",
        "loss=bce seed=5": "planned",
    }  # fmt: skip
    assert lines["running"].progress == "2/8"
    assert lines["running"].left == 90.0  # 15 s an epoch, 6 to come
    assert lines["failed"].note == "MemoryError: [all] of it"


def line(state, loss="bce", left=None, training=None, took=None):
    return Line("", state, left=left, loss=loss, training=training, took=took)


def test_the_time_left_is_that_of_similar_runs_with_their_measurements():
    finished = line("finished", "wgan", training=200.0, took=300.0)
    running = line("running", left=60.0, training=100.0)
    planned = [line("planned"), line("planned", "wgan"), line("planned", "lsgan")]
    # of bce 100 s, of wgan 200 s, of neither 150 s; a run takes 1.5 times its training
    assert time_left([finished, running, *planned]) == 1.5 * (60 + 100 + 200 + 150)
    assert time_left([finished, running, running, *planned]) == 1.5 * (
        (60 + 60 + 100 + 200 + (200 + 100 + 100) / 3) / 2
    )
    assert time_left([running, line("running", left=10.0, training=50.0)]) == 60  # the longer one
    assert time_left([running, line("failed"), line("interrupted")]) == 60
    assert time_left([line("running"), *planned]) is None  # before the end of a first epoch
    assert time_left([finished, *planned]) is None  # nothing is running


def test_a_finished_run_took_its_measurements_too_unless_it_was_interrupted(tmp_path):
    times = {"started": "2026-01-02T03:04:05+00:00", "ended": "2026-01-02T03:06:05+00:00",
             "progress": {"epoch": 8, "epochs": 8, "seconds": 90.0}}  # fmt: skip
    write_record(tmp_path / "a", record("finished", **times))
    write_record(tmp_path / "b", record("finished", **times, resumed=[{"epoch": 2}]))
    assert [(each.training, each.took) for each in survey(tmp_path)] == [
        (90.0, 120.0),
        (90.0, None),
    ]


def test_a_retried_run_is_running_whatever_its_old_record_says(tmp_path):
    write_record(tmp_path, record("failed"))
    with RunLock(tmp_path):
        (line,) = survey(tmp_path)
        assert line.state == "running"


def test_a_run_that_died_before_its_first_record_is_listed(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK_NAME).touch()
    (line,) = survey(tmp_path)
    assert (line.run, line.state) == ("run", "interrupted")


def test_the_table_and_its_counts(tmp_path, capsys):
    sweep(tmp_path)
    main([str(tmp_path)])
    message = capsys.readouterr().out
    assert "1 planned, 1 finished, 1 diverged, 1 failed, 2 interrupted, 1 damaged" in message
    assert "[all] of it" in message
    assert "left for" not in message


def test_the_time_left_is_printed_while_a_sweep_runs(tmp_path, capsys):
    sweep(tmp_path)
    with RunLock(tmp_path / "running"):
        main([str(tmp_path)])
    message = capsys.readouterr().out
    assert "1 min 30 s" in message  # of the running one, 15 s an epoch
    assert "about 3 min 30 s left for 2 runs, 1 at a time" in message  # 90 s, and 120 s of another


def test_a_run_counts_once_however_often_its_folder_is_given(tmp_path, capsys):
    sweep(tmp_path)
    main([str(tmp_path), f"{tmp_path}/.", str(tmp_path / "finished")])
    message = capsys.readouterr().out
    assert "1 planned, 1 finished, 1 diverged, 1 failed, 2 interrupted, 1 damaged" in message


def test_a_missing_folder_is_reported(tmp_path, capsys):
    with pytest.raises(SystemExit, match="no such folder"):
        main([str(tmp_path / "none")])
    main(["--help"])
    assert "planned" in capsys.readouterr().out


def test_a_plan_grows_and_a_damaged_one_is_empty(tmp_path):
    jobs = [Job(f"run-{seed}", "bce", seed, ("a=1", "b=2")) for seed in range(3)]
    write_plan(tmp_path, jobs[:2])
    write_plan(tmp_path, jobs[1:])
    assert read_plan(tmp_path) == jobs
    write_plan(tmp_path, [Job("run-0", "bce", 0, ("++a=1",))])  # the same run in other words
    assert [job.folder for job in read_plan(tmp_path)] == ["run-0", "run-1", "run-2"]
    (tmp_path / "plan.json").write_text("[")
    assert read_plan(tmp_path) == []
