"""The study's numbers, worked out again from its tables with pandas and scipy alone."""

import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gan_zoo.experiments import study, study_advice, study_page, study_settings, study_words
from gan_zoo.experiments import study_results as results
from gan_zoo.report.load import load

ROOT = Path(__file__).parents[2]
FID = "ema_fid_mnistcnn_test_10k"
DATA = [
    "synthetic",
    pytest.param("published", marks=pytest.mark.skipif(
        not (ROOT / study.FOLDER / study.SUMS).exists(), reason="no data are published yet")),
]  # fmt: skip


@pytest.fixture(scope="module", params=DATA)
def tables(request, data, tmp_path_factory):
    """Folder and tables, as anybody would read them, and the page's text."""
    if request.param == "published":
        folder, page = ROOT / study.FOLDER, (ROOT / "docs/study.md").read_text()
    else:
        folder = tmp_path_factory.mktemp("data")
        study.write(data, folder)
        template = (ROOT / "docs" / study_page.TEMPLATE).read_text()
        page = study_page.page(study_words.load(data), template, [])
    names = ("runs", "history", "references")
    found = {name: pd.read_csv(folder / f"{name}.csv.xz") for name in names} | {"page": page}
    return found | {"runs": whole(found["runs"])}


def whole(runs):
    """The runs without those of stages 1 and 2 whose seed some loss has not."""
    kept = []
    for stage, part in runs.groupby("stage"):
        seeds = set.intersection(*(set(each["seed"]) for _, each in part.groupby("loss")))
        kept.append(part[part["seed"].isin(seeds)] if stage in ("mnist", "fashion") else part)
    return pd.concat(kept)


def column(runs, outcome):
    (name,) = [c for c in runs.columns if re.fullmatch(rf"ema_{outcome}_\w*cnn_test_10k", c)]
    return name


def scores(runs, outcome="fid"):
    """FID of every run that ended by loss; infinite where it diverged."""
    runs = runs[runs["status"].isin(["finished", "diverged"])]
    values = runs[column(runs, outcome)].where(runs["status"] == "finished", np.inf)
    return {loss: part.to_numpy() for loss, part in values.groupby(runs["loss"])}


def exact_p(x, y):
    """Two-sided exact rank test: scipy's where there are no ties, else by all ways to deal."""
    pool = np.concatenate([x, y])
    if len(np.unique(pool)) == len(pool):
        return stats.mannwhitneyu(x, y, method="exact").pvalue
    ranks = stats.rankdata(pool)
    centre = len(x) * (len(pool) + 1) / 2
    found = abs(ranks[: len(x)].sum() - centre)
    sums = np.array(
        [ranks[list(c)].sum() for c in itertools.combinations(range(len(pool)), len(x))]
    )
    return float((np.abs(sums - centre) >= found - 1e-9).mean())


def section(page, title):
    return page.partition(f"## {title}\n")[2].partition("\n## ")[0]


def cells(text, loss):
    """The first table row of a loss in a text, and how it continues."""
    return [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in text.splitlines()
        if re.match(rf"\| (\d+ )?`{loss}` ", row)
    ]


def read_number(text):
    found = re.match(r"[−-]?[\d,.]+(e[-+]\d+)?", text)
    return float(found[0].replace("−", "-").replace(",", "")) if found else math.nan


def close(said, value):
    """Whether a printed number is the value, rounded to the digits that are printed."""
    number = re.match(r"[−-]?[\d,.]+", said)
    if number is None:
        return False
    decimals = len(number[0].partition(".")[2])
    return abs(read_number(said) - value) <= 0.501 * 10.0**-decimals


def test_medians_means_intervals_and_times_of_the_page(tables):
    page, runs = tables["page"], tables["runs"]
    checked = 0
    for stage, title in (("mnist", "MNIST: stage 1"), ("fashion", "Fashion-MNIST: stage 2")):
        part = runs[runs["stage"] == stage]
        if part.empty:
            continue
        text = section(page, title)
        fid = column(part, "fid")
        for loss, values in scores(part).items():
            row, secondary = cells(text, loss)[:2]
            finite = values[np.isfinite(values)]
            if np.isfinite(np.median(values)):
                assert close(row[1], np.median(values))
            else:
                assert row[1] == "–"
            finished = part[(part["loss"] == loss) & (part["status"] == "finished")]
            if len(finite):
                assert close(row[2], finite.mean())
                checked += 2
            if len(finite) > 1:
                half = stats.t.ppf(0.975, len(finite) - 1) * stats.sem(finite)
                low, high = re.findall(r"[\d.]+", row[2].partition("[")[2])
                assert close(low, max(0, finite.mean() - half))
                assert close(high, finite.mean() + half)
                checked += 2
            total = (part["loss"] == loss).sum()
            assert row[4] == f"{total - len(finished)} of {total}"
            heads = [h for h in results.OUTCOMES if any(
                re.fullmatch(rf"ema_{h}_\w*cnn_test_10k", c) for c in part.columns)]  # fmt: skip
            for head, cell in zip(heads[1:], secondary[1:], strict=True):
                if len(finished):
                    assert close(cell, finished[column(part, head)].median()), (loss, head)
                    checked += 1
        assert fid.startswith("ema_fid_")
    assert checked >= 20


def all_p(found):
    """Corrected p of every pair, by scipy's Holm."""
    pairs = list(itertools.combinations(sorted(found), 2))
    p = np.array([exact_p(found[a], found[b]) for a, b in pairs])
    order = np.argsort(p, kind="stable")
    adjusted = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    corrected = np.empty(len(p))
    corrected[order] = adjusted
    return dict(zip(pairs, corrected, strict=True))


def test_established_differences_of_the_page(tables):
    runs = tables["runs"]
    part = runs[runs["stage"] == "mnist"]
    if part.empty:
        pytest.skip("stage 1 has no data yet")
    found = scores(part)
    text = section(tables["page"], "What is established")
    said = {
        (winner, loser)
        for line in re.findall(r"^- (.*) is better than (.*)\.$", text, re.MULTILINE)
        for winner in re.findall(r"`(\w+)`", line[0])
        for loser in re.findall(r"`(\w+)`", line[1])
    }
    corrected = all_p(found)
    for (a, b), p in corrected.items():
        theta = (found[a][:, None] < found[b]).mean() + (found[a][:, None] == found[b]).mean() / 2
        winner, loser = (a, b) if theta > 0.5 else (b, a)
        if (winner, loser) in said:
            assert p < 0.05
        elif p < 0.05:  # the interval of the probability of improvement must hold 1/2 then
            assert abs(theta - 0.5) < 0.45
    assert f"Of {len(corrected)} differences in FID on MNIST, {len(said) or 'none'}" in text


def test_claims_of_the_page(tables):
    runs, history = tables["runs"], tables["history"]
    part = runs[(runs["stage"] == "mnist") & (runs["status"] == "finished")]
    losses = part["loss"].value_counts()
    if losses.reindex(["minimax", "bce", "wgan", "lsgan"]).fillna(0).min() < 2:
        pytest.skip("stage 1 has not two seeds of each of these losses yet")
    text = section(tables["page"], "The claims, tested")
    merged = history.merge(part[["stage", "run_id", "loss"]], on=["stage", "run_id"])
    first = (
        merged.sort_values("epoch").groupby(["loss", "run_id"])["gradient_norm_generator"].first()
    )
    logs = {name: np.log(first[name].to_numpy()) for name in ("minimax", "bce")}
    ratio = np.exp(np.median(np.subtract.outer(logs["minimax"], logs["bce"])))
    said = re.search(r"first measured epoch is ([\d.]+) times \[([\d.]+), ([\d.]+)\]", text)
    assert close(said[1], ratio)
    assert float(said[2]) < ratio < float(said[3])
    found = scores(runs[runs["stage"] == "mnist"])
    times = part.groupby("loss")["seconds"]
    for loss in ("wgan", "lsgan"):
        x, y = (found[name][np.isfinite(found[name])] for name in (loss, "bce"))
        shift = np.median(np.subtract.outer(x, y))
        line = re.search(rf"FID of `{loss}` against `bce`: ([+−][\d.]+)", text)[1]
        assert close(line.replace("+", ""), shift)
        a, b = (times.get_group(name).to_numpy() for name in (loss, "bce"))
        spoken = text.partition(f"FID of `{loss}` against")[2].partition("**")[0]
        assert close(re.search(r"training time is ([\d.]+) times", spoken)[1], a.min() / b.min())


def test_equal_cost_and_loss_curves_of_the_page(tables):
    runs, history = tables["runs"], tables["history"]
    part = runs[runs["stage"] == "mnist"]
    if (part["loss"] == "bce").sum() < 2:
        pytest.skip("stage 1 has not two seeds of bce yet")
    (validation,) = [c for c in history.columns
                     if re.fullmatch(r"ema_fid_mnistcnn_validation_\w+", c)]  # fmt: skip
    merged = history.merge(part, on=["stage", "run_id"], suffixes=("", "_run")).dropna(
        subset=[validation]
    )
    steps = part.loc[part["loss"] == "bce", "discriminator_updates"].max()
    text = section(tables["page"], "MNIST: stage 1")
    for loss in sorted(set(part["loss"])):
        mine = merged[merged["loss"] == loss]
        within = mine[mine["discriminator_updates"] <= 1.05 * steps].sort_values("epoch")
        last = within.groupby("run_id")[validation].last()
        row = cells(text, loss)[2]
        assert close(row[3], last.median())
    taus = [
        stats.kendalltau(run["discriminator_test_generation"], run[validation]).statistic
        for _, run in merged[(merged["loss"] == "bce") & (merged["status"] == "finished")].groupby(
            "run_id"
        )
    ]
    (row,) = cells(section(tables["page"], "Which loss curves mean anything"), "bce")
    assert read_number(row[1]) == pytest.approx(np.mean(taus), abs=0.051)


def test_known_numbers_of_the_synthetic_study(data):
    found = results.stage(data, "mnist")
    assert found.variants[0].name == "lsgan"
    assert [v.name for v in found.variants][-2:] == ["wgan", "r1"]
    assert results.default_choice(found).name == "lsgan"
    ratios = results.ratios(found)
    assert ratios["gradient_first"].ratio == pytest.approx(0.25, rel=0.1)
    times = {name: results.seconds(found.variant(name)) for name in ("bce", "wgan", "lsgan")}
    assert times["wgan"] / times["bce"] == pytest.approx(2, rel=0.05)
    assert times["lsgan"] / times["bce"] == pytest.approx(1, rel=0.05)
    assert ratios["gradient_first"].established
    assert found.pair("fgan_gan", "bce").established is False
    pair, seen = found.pair("wgan", "bce"), found.pair("bce", "wgan")
    assert pair.theta == 1 - seen.theta == 0
    assert pair.shift == -seen.shift == pytest.approx(10, rel=0.1)
    assert (pair.shift_interval.low, pair.shift_interval.high) == (
        -seen.shift_interval.high, -seen.shift_interval.low,
    )  # fmt: skip
    r1 = found.variant("r1")
    assert r1.counts == {"finished": 8, "diverged": 2}
    gaps = np.clip((data.runs.query("stage == 'mnist' and loss == 'r1'")[FID] - 3) / 92, 0, 1)
    assert results.gap(found, r1) == pytest.approx(gaps.fillna(1).mean())


def test_the_search_and_stress(data):
    search = results.stage(data, "search", ("fid",))
    winners = results.stage(data, "winners", ("fid",))
    rows = {row.loss: row for row in study_settings.sensitivity(search, winners)}
    assert set(rows) == {"bce", "wgan"}
    for row in rows.values():
        of_loss = data.runs[data.runs["loss"] == row.loss]
        values = of_loss.query("stage == 'search'")[FID].fillna(np.inf)
        assert (row.settings, row.lost) == (6, 1)
        assert row.best == values.min()
        assert row.quartiles[1] == sorted(values)[2]
        fresh = of_loss.query("stage == 'winners'")[FID]
        assert results.median(row.winner, winners.primary) == pytest.approx(fresh.median())
    stressed = study_settings.stressed(data, results.stage(data, "stress", ("fid",)))
    assert {row.label for row in stressed} == {"rates × 5", "no batch norm in G", "500 images"}
    assert {(row.loss, row.label, row.lost) for row in stressed if row.lost} == {
        ("wgan", "rates × 5", 1)
    }


def test_only_seeds_that_every_loss_has_are_compared(tmp_path, one_run):
    for loss, seeds in (("bce", 4), ("wgan", 3), ("r1", 5)):
        for seed in range(seeds):
            one_run(tmp_path, "mnist", loss, seed, 10.0, lost=seed == 2 and loss == "wgan")
    data = study.tabulate(load([tmp_path]).runs)
    found = results.stage(data, "mnist")
    assert {run.record.seed for v in found.variants for run in v.runs} == {0, 1, 2}
    assert [sum(v.counts.values()) for v in found.variants] == [3, 3, 3]
    assert "the 3 runs of seeds that not every loss has yet" in study_page.state(data)
    first = study.tabulate(load(list(tmp_path.rglob("r1-s[34]*"))).runs)
    assert results.complete_seeds(first, "mnist") == {3, 4}


@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_nothing_is_stated_of_too_few_seeds(tmp_path, one_run, seeds):
    for seed in range(seeds):
        for loss, middle in (("bce", 10.0), ("wgan", 30.0), ("minimax", 20.0)):
            one_run(tmp_path, "mnist", loss, seed, middle)
    found = study_words.load(study.tabulate(load([tmp_path]).runs))
    main = found.stages["mnist"]
    assert results.established(main) == []
    said = "\n".join([study_words.what_is_established(main), study_words.claims(main),
                      study_advice.choosing(found), study_words.summary(found)])  # fmt: skip
    assert "**By default" not in said
    assert ": established" not in said
    if seeds == 1:
        assert "not stated, it takes two seeds of both" in said
        assert main.pair("wgan", "bce") is None
        assert results.ratios(main) == {}


def test_a_diverged_run_loses_against_every_other(tmp_path, one_run):
    for seed in range(10):
        one_run(tmp_path, "mnist", "bce", seed, 10.0)
        one_run(tmp_path, "mnist", "wgan", seed, 5.0, lost=seed < 6)
    main = results.stage(study.tabulate(load([tmp_path]).runs), "mnist")
    assert results.median(main.variant("wgan"), main.primary) is None
    assert main.pair("wgan", "bce").theta == pytest.approx(0.4)
    assert [v.name for v in main.variants] == ["bce", "wgan"]
    assert results.default_choice(main).name == "bce"


def test_configurations_are_those_of_the_runs(data):
    rows = data.configurations.query("key == 'loss._target_'")
    for run_id, value in zip(rows["run_id"], rows["json"], strict=True):
        assert json.loads(value) == run_id.split("-")[1]
