"""``hydra/sweeper=random|optuna``: equal budgets, published ranges, and what is learned."""

import json
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from omegaconf import OmegaConf

from gan_zoo.config.build import instantiate
from gan_zoo.config.compose import VERSION_BASE
from gan_zoo.config.schema import Config
from gan_zoo.config.search import Interval
from gan_zoo.report.comparison import compare
from gan_zoo.report.load import load
from gan_zoo.report.search import search_all
from gan_zoo.runs.plan import read_plan
from gan_zoo.runs.record import read_record
from gan_zoo.types import ConfigurationError, WorkerCrashed
from hydra_plugins.gan_zoo.sweepers import SearchSweeper

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf"
PUBLISHED = sorted(path.stem for path in (CONF / "search").glob("*.yaml"))
LR, CLIP = "optimizer.discriminator.lr", "regularizer.clip"


class Bench:
    """A sweeper whose runs are a function of their words: no process, no training."""

    def __init__(self, config, value, options):
        self.value, self.batches = value, []
        options = {**OmegaConf.to_container(config.hydra.sweeper), **options}
        del options["_target_"]
        self.sweeper = SearchSweeper(**options)
        self.sweeper.config = config
        self.sweeper.loader = GlobalHydra.instance().config_loader()
        self.sweeper.launcher = self

    def launch(self, batch, initial_job_idx):
        assert initial_job_idx == sum(map(len, self.batches))
        self.batches.append([dict(word.split("=", 1) for word in words) for words in batch])
        return [self.outcome(job) for job in self.batches[-1]]

    def outcome(self, job):
        found = self.value(job)
        done = JobReturn()
        died = isinstance(found, Exception)
        done.status = JobStatus.FAILED if died else JobStatus.COMPLETED
        done.return_value = found
        return done

    @property
    def jobs(self):
        return [job for batch in self.batches for job in batch]


@pytest.fixture(scope="module")
def composed():
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        config = compose(
            "config", ["hydra/sweeper=random", "hydra.mode=MULTIRUN"], return_hydra_config=True
        )
        HydraConfig.instance().set_config(config)
        OmegaConf.set_readonly(config.hydra, False)  # for each test's folder
        yield config


@pytest.fixture
def bench(composed, tmp_path):
    composed.hydra.sweep.dir = str(tmp_path)
    return lambda value, **options: Bench(composed, value, options)


def rate(job):
    return abs(math.log10(float(job[LR])) + 4)


def test_every_loss_gets_as_many_settings_and_every_setting_all_seeds(bench, tmp_path, capsys):
    made = bench(rate, budget=4)
    made.sweeper.sweep(["loss=bce,wgan", "seed=0,1", "trainer.epochs=1"])
    (batch,) = made.batches  # all at once, for a launcher to spread
    assert Counter((job["loss"], job["seed"]) for job in batch) == dict.fromkeys(
        [("bce", "0"), ("bce", "1"), ("wgan", "0"), ("wgan", "1")], 4
    )
    assert {job["trainer.epochs"] for job in batch} == {"1"}
    settings = {loss: {job[LR] for job in batch if job["loss"] == loss} for loss in ("bce", "wgan")}
    assert len(settings["bce"]) == 4
    assert settings["bce"] == settings["wgan"]  # a paired comparison: both have that range
    assert all(("regularizer.clip" in job) == (job["loss"] == "wgan") for job in batch)
    assert all(1e-3 <= float(job[CLIP]) <= 1 for job in batch if CLIP in job)
    assert len(read_plan(tmp_path)) == 16
    best = min(batch, key=rate)
    message = capsys.readouterr().out
    assert message.count("best of 4: ") == 2
    assert f"{LR}={best[LR]}" in message


def test_a_larger_budget_begins_with_the_smaller_one(bench):
    few = bench(rate, budget=2)
    few.sweeper.sweep(["loss=wgan"])
    many = bench(rate, budget=5)
    many.sweeper.sweep(["loss=wgan"])
    assert many.jobs[:2] == few.jobs
    other = bench(rate, budget=2, seed=1)
    other.sweeper.sweep(["loss=wgan"])
    assert other.jobs != few.jobs


def test_the_command_line_narrows_fixes_and_adds(bench):
    made = bench(rate, budget=3)
    made.sweeper.sweep([
        "loss=wgan", f"{LR}=interval(0.002,0.003)", "regularizer.clip=0.5",
        "model.generator.width=int(interval(1,2))",
    ])  # fmt: skip
    assert all(0.002 <= float(job[LR]) <= 0.003 for job in made.jobs)
    assert {job[CLIP] for job in made.jobs} == {"0.5"}
    assert {job["model.generator.width"] for job in made.jobs} <= {"1", "2"}
    assert all(job["optimizer.generator.lr"] == job[LR] for job in made.jobs)
    fixed = bench(rate, budget=1)
    fixed.sweeper.sweep(["loss=wgan", f"{LR}=0.001"])
    assert [job["optimizer.generator.lr"] for job in fixed.jobs] == ["0.001"]
    unpublished = bench(rate, budget=3)
    unpublished.sweeper.sweep(["loss=fgan_kl", f"{LR}=tag(log,interval(1e-4,1e-3))"])
    assert len(unpublished.jobs) == 3


def test_a_run_that_diverged_failed_or_died_is_never_the_best(bench, capsys):
    outcomes = iter([math.nan, WorkerCrashed("gone"), math.inf, 5.0, 7.0])
    made = bench(lambda job: next(outcomes), budget=5)
    with pytest.raises(WorkerCrashed, match="gone"):
        made.sweeper.sweep(["loss=bce"])
    rate_of_3 = made.jobs[3][LR]
    message = f"best of 5: 5: optimizer.generator.lr={rate_of_3} {LR}={rate_of_3}"
    assert message in capsys.readouterr().out
    made = bench(lambda job: math.inf, budget=2)
    made.sweeper.sweep(["loss=bce"])
    assert "none of 2 settings gave a finite objective" in capsys.readouterr().out


def test_one_seed_that_diverges_spoils_a_setting(bench, capsys):
    values = iter([1.0, math.inf, 3.0, 5.0])
    made = bench(lambda job: next(values), budget=2)
    made.sweeper.sweep(["loss=bce", "seed=0,1"])
    assert "best of 2: 4: " in capsys.readouterr().out


def test_tpe_asks_in_rounds_and_learns_between_them(bench):
    pytest.importorskip("optuna", reason="the extra [optuna] is not installed")
    options = {"sampler": "tpe", "budget": 24, "parallel": 2}
    made = bench(rate, **options)
    made.sweeper.sweep(["loss=bce,wgan"])
    assert [len(batch) for batch in made.batches] == [4] * 12
    assert Counter(job["loss"] for job in made.jobs) == {"bce": 24, "wgan": 24}
    for loss in ("bce", "wgan"):
        found = [rate(job) for job in made.jobs if job["loss"] == loss]
        assert sum(found[16:]) < sum(found[:8])
    again = bench(rate, **options)
    again.sweeper.sweep(["loss=bce,wgan"])
    assert again.jobs == made.jobs  # so a command given again finds what is done


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (["loss=fgan_kl"], {}, "loss=fgan_kl has no published ranges, only bce, dragan"),
        (["loss=bce"], {"budget": 0}, "budget must be at least 1, got 0"),
        (["loss=bce"], {"seed": "x"}, "seed must be at least 0, got 'x'"),
        (["loss=bce"], {"sampler": "grid"}, "must be random or tpe, got 'grid'"),
        (["loss=bce", "loss.smoothin=interval(0,1)"], {}, "Did you mean 'smoothing'"),
        (["loss=bce", f"{LR}=interval(1,0)"], {}, "the lower first"),
        (["loss=bce", f"{LR}=tag(log,interval(0,1))"], {}, "above 0"),
        (["loss=bce", f"{LR}=tag(sqrt,interval(0,1))"], {}, "only tag allowed is log, got sqrt"),
        (["loss=wgan", f"{LR}=1e-3", "trainer.n_critic=1", "regularizer.clip=0.1",
          "optimizer.generator.lr=1e-3"], {}, "the command line fixes"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_reported_before_anything_runs(bench, words, options, message):
    made = bench(rate, **options)
    with pytest.raises((ConfigurationError, HydraException), match=message):
        made.sweeper.sweep(words)
    assert made.jobs == []


@pytest.mark.parametrize("loss", PUBLISHED)
def test_both_ends_of_every_published_range_build(bench, loss):
    made = bench(rate)
    (study,) = made.sweeper._studies([f"loss={loss}"])
    space = study.sampler.space
    assert any(isinstance(among, Interval) for among in space.values()) or loss in (
        "hinge",
        "sngan",
    )
    config = compose("config", [f"loss={loss}"])
    for u in (0.0, 1 - 1e-12):
        for word in [*study.fixed, *(f"{key}={among.at(u)}" for key, among in space.items())]:
            key, value = word.split("=", 1)
            OmegaConf.update(config, key, value if "$" in value else json.loads(value))
        strict = OmegaConf.merge(Config(), OmegaConf.to_container(config, resolve=True))
        OmegaConf.to_object(strict.trainer)
        instantiate(config.regularizer)
        rates = []
        for network in ("discriminator", "generator"):
            optimizer = instantiate(config.optimizer[network])
            rates.append(optimizer([torch.zeros(1, requires_grad=True)]).param_groups[0]["lr"])
        assert rates == [float(space[LR].at(u))] * 2  # one rate for both networks


@pytest.mark.slow
def test_a_budgeted_search_from_the_command_line_to_its_curves(tmp_path):
    tiny = ["data=ring", "data.samples=600", "model=mlp", "model.generator.hidden=[4]",
            "model.discriminator.hidden=[4]", "latents=normal", "aux=none", "trainer.epochs=1",
            "trainer.max_steps=5", "trainer.batch_size=8", "trainer.generator_batch_size=8",
            "evaluation.samples=20", "evaluation.final_samples=20", "evaluation.loss_samples=20",
            "trainer.threads=1", "device=cpu", "sweep_name=mine", "loss=bce,wgan"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "experiment=budgeted_search",
         "hydra.sweeper.budget=3", *tiny],
        cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    sweep = tmp_path / "multirun/mine"
    records = [read_record(path.parent) for path in sweep.glob("*/record.json")]
    assert Counter(record.loss for record in records) == {"bce": 3, "wgan": 3}
    assert {record.progress["discriminator_updates"] for record in records} == {5}
    rates = {record.config["optimizer"]["generator"]["lr"] for record in records}
    assert len(rates) == 3  # drawn for both losses, and G follows D
    best = min(r.best[r.headline]["value"] for r in records if r.loss == "bce")
    assert f"loss=bce: best of 3: {best:.4g}: " in done.stdout
    folders = {path.parent.name for path in sweep.glob("*/record.json")}
    assert {job.folder for job in read_plan(sweep)} == folders
    budgets = search_all(compare(load([sweep])))
    (curves,) = [found for name, found in budgets.items() if name.startswith("reverse_kl")]
    assert {(found.loss, found.settings, len(found.curve.expected)) for found in curves} == {
        ("bce", 3, 3), ("wgan", 3, 3),
    }  # fmt: skip
    assert "Best of k settings</h3>" in (sweep / "report.html").read_text()
