"""Search ranges, draws and the objective of a run."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

from gan_zoo.config.search import Choice, Interval, RandomSampler, TpeSampler, objective
from gan_zoo.runs.record import RunRecord
from gan_zoo.types import ConfigurationError

SPACE = {
    "lr": Interval(1e-5, 1e-2, log=True),
    "beta": Interval(0.0, 0.9),
    "critic": Choice(("1", "5")),
}


def drawn(space, seed=0, count=2000):
    return [RandomSampler(space, seed).ask(number) for number in range(count)]


def test_draws_follow_the_distributions_they_are_named_after():
    """Kolmogorov-Smirnov against the closed forms; the seed is fixed, so it is no lottery."""
    settings = drawn(SPACE)
    beta = [float(setting["beta"]) for setting in settings]
    assert kstest(beta, "uniform", (0, 0.9)).pvalue > 0.01
    log = [math.log10(float(setting["lr"])) for setting in settings]
    assert kstest(log, "uniform", (-5, 3)).pvalue > 0.01
    assert kstest([float(s["lr"]) for s in settings], "uniform", (1e-5, 1e-2)).pvalue < 1e-9
    ones = sum(setting["critic"] == "1" for setting in settings)
    assert abs(ones - 1000) < 4 * math.sqrt(2000 * 0.25)
    assert {setting["critic"] for setting in settings} == {"1", "5"}


def test_keys_are_drawn_independently():
    settings = drawn(SPACE)
    pairs = [(math.log(float(setting["lr"])), float(setting["beta"])) for setting in settings]
    assert abs(np.corrcoef(np.array(pairs).T)[0, 1]) < 4 / math.sqrt(2000)


def test_a_setting_depends_on_seed_number_and_key_alone():
    """So budgets grow, keys come and go, and losses that share a key are tried alike."""
    few, many = drawn(SPACE, count=3), drawn(SPACE, count=6)
    assert many[:3] == few
    assert len({setting["lr"] for setting in many}) == 6
    alone = drawn({"lr": SPACE["lr"]}, count=3)
    assert [setting["lr"] for setting in few] == [setting["lr"] for setting in alone]
    assert drawn(SPACE, seed=1, count=3) != few
    sampler = RandomSampler(SPACE, 0)
    sampler.tell(0, 1.0)
    assert sampler.ask(2) == few[2]


def test_the_draws_are_those_of_every_machine_and_version():
    """SHA-512 of the text and Mersenne Twister: numbers that will not change."""
    assert RandomSampler({"lr": SPACE["lr"]}, 0).ask(0) == {"lr": "0.00581523"}


@pytest.mark.parametrize("interval", [Interval(1e-5, 1e-2, log=True), Interval(-1 / 3, 1 / 3)])
def test_no_rounding_leaves_an_interval(interval):
    values = [float(interval.at(u)) for u in (0.0, 1e-12, 0.5, 1 - 1e-12)]
    assert all(interval.low <= value <= interval.high for value in values)
    assert values == sorted(values)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Interval(1, 1), "the lower first"),
        (lambda: Interval(2, 1), "the lower first"),
        (lambda: Interval(0, math.inf), "finite"),
        (lambda: Interval(math.nan, 1), "finite"),
        (lambda: Interval(0, 1, log=True), "above 0"),
        (lambda: Choice(()), "at least one value"),
    ],
)
def test_an_impossible_range_is_refused(made, message):
    with pytest.raises(ConfigurationError, match=message):
        made()


def test_the_objective_is_the_best_validation_metric_and_divergence_is_the_worst():
    best = {"generator": {"epoch": 2, "metric": "fid_m_validation_1k", "value": 12.5}}

    def worth(status, best=best):
        return objective(RunRecord("abc", "bce", 0, status, best=best))

    assert worth("finished") == 12.5
    assert worth("diverged") == math.inf  # whatever it reached before
    for status in ("failed", "interrupted", "running"):
        assert math.isnan(worth(status))
    assert math.isnan(worth("finished", {}))


def test_the_objective_of_averaged_weights_comes_first():
    best = {"generator_ema": {"epoch": 2, "metric": "fid_m_validation_1k", "value": 12.5}}
    artifacts = {"generator": "a.safetensors", "generator_ema": "b.safetensors"}
    record = RunRecord("abc", "bce", 0, "finished", best=best, artifacts=artifacts)
    assert objective(record) == 12.5


def test_tpe_finds_more_good_settings_than_chance_and_repeats_itself():
    """Half of its later settings are as good as the best eighth of the random ones."""
    pytest.importorskip("optuna", reason="the extra [optuna] is not installed")

    def run(make):
        sampler, found = make(SPACE, 0), []
        for number in range(60):
            setting = sampler.ask(number)
            value = abs(math.log10(float(setting["lr"])) + 4) + abs(float(setting["beta"]) - 0.5)
            value += setting["critic"] == "5"
            sampler.tell(number, math.inf if number == 3 else math.nan if number == 4 else value)
            found.append((value, setting))
        return found

    tpe, chance = run(TpeSampler), run(RandomSampler)
    assert tpe == run(TpeSampler)
    good = np.quantile([value for value, _ in chance], 1 / 8)
    assert sum(value < good for value, _ in tpe[30:]) > 15
    assert all(1e-5 <= float(setting["lr"]) <= 1e-2 for _, setting in tpe)


def test_tpe_learns_nothing_from_a_failure_and_avoids_a_divergence():
    optuna = pytest.importorskip("optuna", reason="the extra [optuna] is not installed")

    sampler = TpeSampler(SPACE, 0)
    for number, value in enumerate([math.inf, math.nan, 3.0]):
        sampler.ask(number)
        sampler.tell(number, value)
    states = [trial.state for trial in sampler._study.trials]
    complete, fail = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.FAIL
    assert states == [complete, fail, complete]
    assert sampler._study.best_trial.number == 2
    assert sampler._study.trials[0].value == math.inf


def test_every_range_file_names_its_source():
    for path in (Path(__file__).parents[2] / "conf/search").glob("*.yaml"):
        assert "arXiv" in path.read_text(), path
