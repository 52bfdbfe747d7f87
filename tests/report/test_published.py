"""Published numbers beside those measured here: when they agree."""

import math
from importlib.resources import files
from types import SimpleNamespace

import pytest
import yaml

from gan_zoo.config.compose import compose_config, plain
from gan_zoo.report.build import build_report
from gan_zoo.report.published import compare, experiment_of, published, summarise
from gan_zoo.runs.record import RunRecord, write_record

SETTING = {"trainer": {"epochs": 400}}
CONTENT = {
    "title": "Title", "source": "Source", "note": "Note", "setting": {"trainer.epochs": 400},
    "quantities": {
        "success": {"title": "all", "metric": "modes_covered_", "equals": 8, "matters": 0.2},
        "modes": {"title": "modes", "metric": "modes_covered_", "matters": 1.0},
        "rank": {"title": "FID", "metric": "fid_", "ranks": True, "matters": 1.0},
    },
    "rows": [{"name": "one", "runs": {"loss": "bce"}, "published": {}}],
}  # fmt: skip


def record(seed, modes, status="finished", loss="bce", config=SETTING, **metrics):
    measured = {} if modes is None else {"modes_covered_ring_25k": modes}
    return RunRecord(
        run_id=f"{loss}{seed}", loss=loss, seed=seed, status=status, config=config,
        overrides=["+experiment=alpha_ring"], metrics={**measured, **metrics},
    )  # fmt: skip


def line(quantity, given, records, **content):
    row = {"name": "one", "runs": {"loss": "bce"}, "published": {quantity: given}}
    (found,) = compare("x", {**CONTENT, "rows": [row], **content}, records).lines
    return found


def hits(successes, count):
    return [record(seed, 8 if seed < successes else 6) for seed in range(count)]


def test_a_share_is_compared_by_the_two_proportion_z_test():
    """z is the difference over the pooled standard error."""
    found = line("success", {"value": 0.22, "n": 200, "where": "table 1"}, hits(30, 50))
    pooled = (44 + 30) / 250
    z = (0.6 - 0.22) / math.sqrt(pooled * (1 - pooled) * (1 / 50 + 1 / 200))
    assert float(found.difference) == pytest.approx(z, abs=0.05)
    assert found.agrees == "no"
    assert found.published == "22.0% of 200"
    assert found.where == "table 1"
    assert found.here.startswith("60.0% of 50 [45.2%, 73.6%]")  # Clopper and Pearson's


@pytest.mark.parametrize(
    ("successes", "count", "agrees"),
    [(11, 50, "yes"), (1, 5, "cannot tell"), (0, 3, "cannot tell"), (40, 50, "no")],
)
def test_shares_agree_only_if_a_difference_that_matters_would_have_been_seen(
    successes, count, agrees
):
    assert line("success", {"value": 0.22, "n": 200}, hits(successes, count)).agrees == agrees


def test_equal_runs_agree_only_if_there_are_enough():
    given = {"value": 0.0, "n": 200}
    assert line("success", given, hits(0, 3)).agrees == "cannot tell"
    assert line("success", given, hits(0, 50)).agrees == "yes"


def test_a_diverged_run_counts_as_a_miss_and_an_unfinished_one_not_at_all():
    runs = [record(0, 8), record(1, 8, "diverged"), record(2, 8, "interrupted")]
    assert line("success", {"value": 0.5}, runs).here.startswith("50.0% of 2 ")


def test_a_mean_is_compared_by_welch_s_standard_error():
    """Without a published spread, by the standard error of the runs here."""
    runs = [record(seed, modes) for seed, modes in enumerate([4.0, 6.0, 8.0, 6.0])]
    found = line("modes", {"value": 6.3, "n": 10, "spread": 0.5}, runs)
    error = math.sqrt((8 / 3) / 4 + 0.25 / 10)
    assert float(found.difference) == pytest.approx(-0.3 / error, abs=0.05)
    assert found.agrees == "cannot tell"
    alone = line("modes", {"value": 6.3}, runs)
    assert float(alone.difference) == pytest.approx(-0.3 / math.sqrt((8 / 3) / 4), abs=0.05)
    assert line("modes", {"value": 6.3}, runs[:1]).agrees == "cannot tell"


def test_equal_values_do_not_show_how_much_seeds_differ():
    found = line("modes", {"value": 7.9, "n": 10}, hits(5, 5))
    assert (found.here, found.difference, found.agrees) == ("8 of 5", "–", "cannot tell")


def test_a_quantity_without_runs_is_not_measured():
    assert line("success", {"value": 0.5, "n": 10}, []).agrees == "not measured"
    assert line("modes", {"value": 0.5, "n": 10}, [record(0, None)]).agrees == "not measured"


def test_runs_of_another_setting_are_shown_but_not_judged():
    runs = [record(s, 8, config={"trainer": {"epochs": 2}}) for s in range(50)]
    found = compare("x", {**CONTENT, "rows": [
        {"name": "one", "runs": {"loss": "bce"}, "published": {"success": {"value": 1.0, "n": 9}}}
    ]}, runs)  # fmt: skip
    assert found.lines[0].agrees == "–"
    assert "trainer.epochs is 2, published 400" in found.remarks[-1]


def test_quantities_on_other_scales_are_compared_by_rank_alone():
    rows = [
        {"name": loss, "runs": {"loss": loss}, "published": {"rank": {"value": value}}}
        for loss, value in (("bce", 6.8), ("lsgan", 7.8), ("minimax", 9.8))
    ]
    runs = [
        record(seed, None, loss=loss, fid_test_10k=value + seed)
        for loss, value in (("bce", 20.0), ("lsgan", 30.0), ("minimax", 25.0)) for seed in (0, 1)
    ]  # fmt: skip
    found = compare("x", {**CONTENT, "rows": rows}, runs)
    assert {entry.agrees for entry in found.lines} == {"–"}
    assert "Kendall's tau of 3 ranks is 0.33" in found.remarks[-1]


NAMES = [path.name.removesuffix(".yaml") for path in files("gan_zoo.experiments").iterdir()
         if path.name.endswith(".yaml")]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_has_the_published_setting_and_runs_for_each_row(name):
    """No run of the composed experiment is excluded as one of another setting."""
    content = yaml.safe_load((files("gan_zoo.experiments") / f"{name}.yaml").read_text())
    assert content["rows"]
    for row in content["rows"]:
        words = [f"{key}={value}" for key, value in row["runs"].items()]
        config = plain(compose_config([f"experiment={name}", "hydra.mode=RUN", *words]))
        run = RunRecord("", row["runs"].get("loss", "bce"), 0, "finished", config=config,
                        overrides=[f"experiment={name}"], metrics={})  # fmt: skip
        run.metrics = {f"{q['metric']}1k": 1.0 for q in content["quantities"].values()}
        found = compare(name, content, [run])
        assert not any("Not the published" in remark for remark in found.remarks), found.remarks
        measured = [entry for entry in found.lines if entry.agrees != "not measured"]
        assert {entry.setting for entry in measured} == {row["name"]}


def test_the_summary_and_the_report_have_the_same_table(tmp_path):
    for run in hits(3, 5):
        write_record(tmp_path / f"{run.seed}", run)
    text = summarise(tmp_path)
    assert "60.0% of 5" in text
    assert "not measured" in text
    assert (tmp_path / "published.csv").read_text().startswith("experiment,setting,")
    page = build_report([tmp_path]).read_text()
    assert "Published and measured: (alpha_D, alpha_G)-GAN on the ring" in page
    assert "60.0% of 5 [14.7%, 94.7%]" in page
    with pytest.raises(ValueError, match="has no runs of an experiment with published"):
        summarise(tmp_path / "none")


def test_runs_of_other_experiments_have_no_table():
    plain_run = SimpleNamespace(overrides=["trainer.epochs=2"])
    assert experiment_of(plain_run) is None
    assert published([plain_run]) == []
