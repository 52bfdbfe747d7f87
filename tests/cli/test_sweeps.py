"""Sweeps as a user types them: rerun, interrupted, shared, in several processes."""

import os
import re
import signal

import pytest
from hydra import compose, initialize_config_dir

from gan_zoo.cli.status import survey
from gan_zoo.config.compose import VERSION_BASE, config_folder
from gan_zoo.runs.lock import alive, owner
from gan_zoo.runs.plan import read_plan
from gan_zoo.runs.record import read_record
from gan_zoo.runs.workers import threads_of_a_worker, workers_of
from gan_zoo.types import ConfigurationError
from tests.cli.shell import IMAGES, POINTS, RUN, call, finish, start, wait_for, write_losses

SWEEP = ["--config-dir", "conf", "-m", *POINTS, "trainer.threads=1", "sweep_name=mine"]
# Two workers, each run in multirun/mine/<epochs>.
PARALLEL = [
    "-m", *(word for word in POINTS if "epochs" not in word), "sweep_name=mine",
    "hydra/launcher=processes", "hydra.launcher.n_jobs=2", "hydra.sweep.subdir=${trainer.epochs}",
]  # fmt: skip


def states(folder):
    return sorted(line.state for line in survey(folder))


def test_the_same_command_runs_what_is_missing(tmp_path):
    sweep = tmp_path / "multirun/mine"
    write_losses(tmp_path)
    code, _, err = call(tmp_path, *SWEEP, "loss=broken,bce", "seed=0", program=RUN)
    assert code == 1
    assert re.search(r"1 of 2 runs did not finish:\n  broken-s0-\w+: failed: .*on purpose", err)
    assert "resume=retry" in err
    assert states(sweep) == ["failed", "finished"]
    assert len(read_plan(sweep)) == 2
    before = {path: path.read_bytes() for path in sweep.glob("bce*/[!.]*") if path.is_file()}
    (tmp_path / "my_losses.py").write_text("from gan_zoo.losses.bce import Bce as Broken\n")
    code, out, err = call(tmp_path, *SWEEP, "loss=broken,bce", "seed=0,1", program=RUN)
    assert code == 1  # what failed is rerun only on request
    assert err.count("is done: skipped") == 1
    assert "RuntimeError); resume=retry tries it again" in err
    assert out.count(" finished: ") == 2
    assert states(sweep) == ["failed", *["finished"] * 3]
    again = [*SWEEP, "loss=broken,bce", "seed=0,1", "resume=retry"]
    code, out, _ = call(tmp_path, *again, program=RUN)
    assert code == 0
    assert out.count(" finished: ") == 1
    assert states(sweep) == ["finished"] * 4
    assert before == {path: path.read_bytes() for path in before}


def test_a_signal_ends_the_sweep_and_two_commands_share_one(tmp_path):
    sweep = tmp_path / "multirun/mine"
    write_losses(tmp_path)
    long = [*SWEEP, "loss=bce,wgan", "trainer.epochs=400"]
    process = start(tmp_path, *long, program=RUN)
    wait_for(lambda: any(alive(path.parent) for path in sweep.glob("*/record.json")), process)
    code, _, err = call(tmp_path, *SWEEP, "loss=bce", "trainer.epochs=400", program=RUN)
    assert code == 1
    assert f"is being trained by process {process.pid}" in err
    assert "still running" in err
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 143
    assert f"rerun the same command with hydra.sweep.dir={sweep}" in err
    assert states(sweep) == ["interrupted", "planned"]
    (run,) = {path.parent for path in sweep.glob("*/record.json")}
    process = start(tmp_path, *long, program=RUN)
    wait_for(lambda: read_record(run).status == "running" and alive(run), process)
    process.kill()
    process.communicate()
    assert read_record(run).status == "running"  # it could not write another status
    assert states(sweep) == ["interrupted", "planned"]


def test_a_sweep_over_nothing_is_an_error(tmp_path):
    code, _, err = call(tmp_path, "-m", "loss=glob(nothing*)", *IMAGES)
    assert code == 1
    assert "no runs" in err


def test_processes_share_the_cores_and_the_sweep_ends_as_any_other(tmp_path):
    """Even where the environment asks for more threads; one of the two runs is a mistake."""
    share = threads_of_a_worker(2)
    code, _, err = call(
        tmp_path, "-m", "hydra/launcher=processes", "hydra.launcher.n_jobs=2",
        "hydra.sweep.dir=sweep", "regularizer=weight_clip", "regularizer.clip=-1,1", *IMAGES,
        OMP_NUM_THREADS=str(share + 1),
    )  # fmt: skip
    records = [read_record(path.parent) for path in tmp_path.glob("sweep/*/record.json")]
    statuses = {record.status: record for record in records}
    assert set(statuses) == {"finished", "failed"}, err
    assert statuses["finished"].environment["threads"] == share
    assert code == 1
    assert "1 of 2 runs did not finish" in err
    assert (tmp_path / "sweep/report.html").exists()


@pytest.mark.parametrize(
    ("workers", "cores", "threads"),
    [(-1, 8, 1), (8, 8, 1), (2, 8, 4), (3, 8, 2), (16, 8, 1), (-2, 8, 1), (-5, 8, 2), (1, 1, 1)],
)
def test_workers_share_the_cores_and_have_at_least_a_thread_each(workers, cores, threads):
    assert threads_of_a_worker(workers, cores) == threads


@pytest.mark.parametrize("n_jobs", [0, 1.5, "all", None, True])
def test_an_invalid_number_of_workers(n_jobs):
    with pytest.raises(ConfigurationError, match="n_jobs"):
        workers_of(n_jobs)


def training(run):
    return (run / "record.json").exists() and alive(run)


def test_a_killed_process_loses_its_run_alone(tmp_path):
    sweep = tmp_path / "multirun/mine"
    process = start(tmp_path, *PARALLEL, "trainer.epochs=40000,1,2,3", program=RUN)
    wait_for(lambda: training(sweep / "40000"), process)
    os.kill(owner(sweep / "40000").pid, signal.SIGKILL)
    code, _, err = finish(process)
    assert code == 1
    assert "trainer.epochs=40000 died: SIGKILL" in err
    assert "1 of 4 runs did not finish:\n  40000: interrupted" in err
    assert {read_record(sweep / name).status for name in "123"} == {"finished"}


def test_signals_reach_the_processes_and_a_killed_sweep_leaves_none_behind(tmp_path):
    runs = [tmp_path / "multirun/mine" / name for name in ("40000", "40001")]

    def started(times):
        process = start(tmp_path, *PARALLEL, "trainer.epochs=40000,40001,1", program=RUN)
        for run in runs:
            wait_for(lambda run=run: any(run.glob("checkpoints/state*")), process)
            wait_for(lambda run=run: len(read_record(run).resumed) == times, process)
        return process

    process = started(0)
    # Ctrl-C reaches a whole group: a process in it would get it twice, which ends it unsaved
    assert process.pid not in {os.getpgid(owner(run).pid) for run in runs}
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 128 + signal.SIGTERM
    assert "to resume" in err
    assert {read_record(run).status for run in runs} == {"interrupted"}
    assert not (tmp_path / "multirun/mine/1").exists()
    process = started(1)
    process.kill()
    process.communicate(timeout=900)  # until they end: they hold the same pipes
    assert {read_record(run).status for run in runs} == {"interrupted"}


def test_the_families_are_compared_on_all_cores_the_longest_job_first():
    with initialize_config_dir(str(config_folder()), **VERSION_BASE):
        config = compose("config", ["experiment=compare_families"], return_hydra_config=True)
    assert config.hydra.launcher._target_.endswith("ProcessLauncher")
    assert config.hydra.launcher.n_jobs == -1
    assert config.hydra.sweeper.params.loss == "wgan,bce,lsgan,fgan_kl"


@pytest.mark.parametrize("prefix", ["", "+"])  # version 0.1 needed the plus
def test_an_experiment_in_two_processes_ends_with_its_table_and_report(tmp_path, prefix):
    code, out, err = call(
        tmp_path, f"{prefix}experiment=compare_families", "loss=bce,lsgan",
        "hydra.launcher.n_jobs=2", "hydra.sweep.dir=sweep", *IMAGES,
        program=("run.py",) if prefix else RUN,
    )  # fmt: skip
    assert code == 0, err
    *runs, head, bce, lsgan, without, report = out.splitlines()
    assert [line.split(":")[0] for line in runs] == ["gan_zoo"] * 2
    logs = {path.parent.name.split("-")[0]: path.read_text().splitlines()
            for path in (tmp_path / "sweep").glob("*/run.log")}  # fmt: skip
    assert logs.keys() == {"bce", "lsgan"}
    for loss, lines in logs.items():
        assert f" started: loss={loss} seed=0 " in lines[0]
        assert f" {loss} seed 0 epoch 1/1 " in lines[-2]
        assert lines[-1].endswith(" finished")
    assert head.split() == ["loss", "training", "time"]
    assert [row.split()[0] for row in (bce, lsgan)] == ["bce", "lsgan"]
    assert without == "no metrics were measured"
    assert not prefix or report == f"gan_zoo: report: {tmp_path / 'sweep/report.html'}"
    assert "\x1b" not in out
