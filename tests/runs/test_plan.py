"""The plan of a sweep agrees with its jobs, however they are written."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser

from docs import examples
from gan_zoo.cli import train
from gan_zoo.cli.status import survey
from gan_zoo.config.compose import VERSION_BASE, config_folder
from gan_zoo.runs.plan import read_plan
from gan_zoo.runs.record import read_record
from gan_zoo.runs.workers import threads_of_a_worker
from hydra_plugins.gan_zoo.sweepers import compose_jobs
from tests.cli.shell import POINTS, RUN

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def master():
    """The launching process's configuration and Hydra's loader."""
    with initialize_config_dir(str(config_folder()), **VERSION_BASE):
        return compose("config", return_hydra_config=True), GlobalHydra.instance().config_loader()


def batch_of(words, loader):
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(words)
    return BasicSweeper.split_arguments(overrides, None)[0]


@pytest.mark.parametrize(
    "words",
    [
        ["loss=bce,wgan", "seed=0,1"],
        ["seed='0','1'"],
        ["++seed=1,2"],
        ["loss='bce','lsgan'", "trainer.epochs=3"],
        ["loss=glob(wgan*)"],
        ["seed=range(3)", "trainer.n_critic=choice(1,5)"],
        ["model=infogan,mlp", "data=ring", "latents=normal", "loss=wgan"],
        ["data=ring,grid", "model=mlp", "~optimizer.generator.lr"],
        ["regularizer=r1,r2", "regularizer.gamma=1,10"],
        ["optimizer=sgd,adam"],
        ["experiment=ring8,grid25", "hydra.mode=MULTIRUN"],
        ["trainer={epochs:3},{epochs:4}"],
        ["hydra.job.name=a,b", "hydra.sweep.subdir=${hydra.job.num}-${hydra.job.name}"],
        ["tuned=paper,mlp_wgan", "loss=wgan", "model=mlp", "data=ring"],
    ],
)
def test_the_plan_is_what_hydra_composes_for_each_job(master, words):
    config, loader = master
    batch = batch_of(words, loader)
    planned = compose_jobs(loader, config, batch, 0)
    assert len(planned) == len(batch) > 0
    before = HydraConfig.instance().cfg
    for number, (job, overrides) in enumerate(zip(planned, batch, strict=True)):
        composed = loader.load_sweep_config(config, list(overrides))
        composed.hydra.job.num = number
        HydraConfig.instance().set_config(composed)
        assert job.folder == composed.hydra.sweep.subdir
        if "job.num" not in " ".join(words):
            assert train.identity(composed) in job.folder
        assert (job.loss, job.seed) == (composed.hydra.runtime.choices.loss, composed.seed)
    HydraConfig.instance().cfg = before
    distinct = {job.folder for job in planned}
    assert len(distinct) == len(batch)


def test_three_hundred_jobs_are_planned_in_seconds(master):
    config, loader = master
    losses = "bce,wgan,lsgan,hinge,wgan_gp,dragan"
    batch = batch_of([f"loss={losses}", "seed=range(50)"], loader)
    start = time.process_time()
    planned = compose_jobs(loader, config, batch, 0)
    assert len({job.folder for job in planned}) == 300
    assert time.process_time() - start < 10  # 3 on an idle machine; 20 and more one by one


@pytest.mark.parametrize("sweeper", ["basic", "random"])
def test_quoted_values_are_planned_trained_and_get_their_share_of_threads(tmp_path, sweeper):
    words = ["seed='0','1'", "++trainer.n_critic=2", "hydra/launcher=joblib",
             "hydra.launcher.n_jobs=2", f"hydra/sweeper={sweeper}", "loss='wgan'"]  # fmt: skip
    words += ["hydra.sweeper.budget=1"] if sweeper == "random" else []
    environment = {**os.environ, "OMP_NUM_THREADS": "3", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", *RUN, "-m", *POINTS, "sweep_name=mine", *words],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    sweep = tmp_path / "multirun/mine"
    records = [read_record(path.parent) for path in sweep.glob("*/record.json")]
    assert sorted(record.seed for record in records) == [0, 1]
    assert len({tuple(record.overrides) for record in records}) == 1
    assert {record.environment["threads"] for record in records} == {threads_of_a_worker(2)}
    assert len(read_plan(sweep)) == 2
    assert [line.state for line in survey(sweep)] == ["finished"] * 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sweep_name=mine"], "sweep_name=mine has no effect on one run: add -m"),
        (["hydra/sweeper=random"], "hydra/sweeper=random has no effect on one run"),
        (["hydra/launcher=processes", "hydra.launcher.n_jobs=2"], "=processes, hydra.launcher.n"),
        (["hydra.sweep.dir=x"], "hydra.sweep.dir=x has no effect on one run"),
        (["-m", "seed=0,1", "hydra.run.dir=x"], "hydra.run.dir=x has no effect on a sweep"),
        (["-m", "hydra/sweeper=random", "hydra.run.dir=x"], "has no effect on a sweep"),
    ],
)
def test_an_option_that_has_no_effect_is_refused(tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    code, output = examples.called(train.main, ["run.py", *words, *POINTS], {})
    assert str(code).startswith("gan_zoo: ")
    assert told in output
    assert not list(tmp_path.rglob("record.json"))
    assert json.dumps(output).count("Traceback") == 0
