import math

import pytest

from gan_zoo.report.comparison import all_pairs, ranking
from gan_zoo.report.export import to_markdown
from gan_zoo.report.quantities import quantity
from gan_zoo.report.search import validation_column
from gan_zoo.report.summary import headlines, summary

FID = quantity("fid_m_test_1k")


def test_scores_negate_metrics_where_lower_is_better(tmp_path, write_run, compared):
    outcomes = ("finished", "finished", "diverged", "failed", "running", "interrupted")
    for seed, status in enumerate(outcomes):
        metrics = {FID.name: 7.0} if seed == 0 else {FID.name: None} if seed == 1 else {}
        write_run(tmp_path / str(seed), seed=seed, status=status, metrics=metrics)
    (variant,) = compared(tmp_path).variants
    assert variant.scores(FID) == {0: -7.0, 1: -math.inf, 2: -math.inf}
    assert variant.values(FID.name) == {0: 7.0}
    assert variant.counts == {
        "running": 1, "finished": 2, "diverged": 1, "failed": 1, "interrupted": 1,
    }  # fmt: skip


def test_a_diverged_run_that_has_numbers_is_still_diverged(tmp_path, write_run, compared):
    write_run(tmp_path / "0", status="diverged", metrics={FID.name: 1.0})
    comparison = compared(tmp_path)
    assert comparison.estimates == {}
    assert comparison.variants[0].scores(FID) == {0: -math.inf}


def test_a_metric_that_no_run_measured_is_not_a_failure(tmp_path, write_run, compared):
    write_run(tmp_path / "0", "bce", 0, metrics={"recall_m_test_1k": 0.5})
    write_run(tmp_path / "1", "bce", 1, status="diverged")
    assert compared(tmp_path).variants[0].scores(FID) == {}


def test_undirected_quantities_are_not_compared(tmp_path, write_run, compared):
    for number, loss in enumerate(("a", "b")):
        write_run(tmp_path / str(number), loss, metrics={"memorisation_m_test_1k": 1.0 + number})
    comparison = compared(tmp_path)
    assert "memorisation_m_test_1k" not in comparison.pairs
    assert len(comparison.estimates) == 2


def test_means_of_cost_are_over_finished_runs(tmp_path, write_run, compared):
    write_run(tmp_path / "0", seed=0, progress={"seconds": 10})
    write_run(tmp_path / "1", seed=1, progress={"seconds": 20})
    write_run(tmp_path / "2", seed=2, status="diverged", progress={"seconds": 1})
    assert compared(tmp_path).variants[0].progress("seconds") == 15
    assert compared(tmp_path).variants[0].progress("unknown") is None


@pytest.mark.parametrize(
    ("seeds", "text"), [([0, 1, 2], "0–2"), ([5], "5"), ([0, 1, 3, 7, 8], "0–1, 3, 7–8")]
)
def test_seeds_as_ranges(tmp_path, write_run, compared, seeds, text):
    for seed in seeds:
        write_run(tmp_path / str(seed), seed=seed, history=[])
    assert compared(tmp_path).variants[0].seeds == text


def test_pairs_by_hand():
    a = {0: -1.0, 1: -2.0, 2: -3.0}  # FID 1, 2, 3
    b = {0: -4.0, 1: -2.5, 2: -math.inf}  # FID 4, 2.5, diverged
    (pair,) = all_pairs([a, b, {}], better=-1)
    assert (pair.first, pair.second, pair.n, pair.m) == (0, 1, 3, 3)
    # a beats: 1 > all three; 2 > all three; 3 > 4 and the diverged one, not 2.5
    assert pair.theta == pytest.approx(8 / 9)
    # shift over finished runs: 1-4, 1-2.5, 2-4, 2-2.5, 3-4, 3-2.5 -> median of -3..0.5 = -1.25
    assert pair.shift == pytest.approx(-1.25)
    assert (pair.shared, pair.wins) == (2, 2)
    assert pair.paired_shift == pytest.approx(((1 - 4) + (2 - 2.5)) / 2)
    # differences -3 and -0.5: mean -1.75, deviation 2.5 / sqrt(2), t_{1, 0.975} = 12.7062
    assert pair.paired_interval.low == pytest.approx(-1.75 - 12.7062 * 1.25, rel=1e-5)
    assert pair.paired_interval.high == pytest.approx(-1.75 + 12.7062 * 1.25, rel=1e-5)
    assert pair.p_paired == 0.5
    assert pair.effect > 0
    assert pair.shift_interval is None
    assert not pair.established


def test_shift_interval_points_the_way_of_the_shift():
    a = {s: -10.0 - s for s in range(6)}  # FID 10 ... 15
    b = {s: -30.0 - 2 * s for s in range(6)}  # FID 30 ... 40
    (pair,) = all_pairs([a, b], better=-1)
    assert pair.shift_interval.low < pair.shift < pair.shift_interval.high < 0
    assert pair.established


def test_correction_is_over_all_pairs_of_the_metric():
    far = [{s: 100.0 * v + s for s in range(5)} for v in range(3)]
    pairs = all_pairs(far, better=1)
    assert [pair.p for pair in pairs] == pytest.approx([2 / 252] * 3)
    assert [pair.p_holm for pair in pairs] == pytest.approx([3 * 2 / 252] * 3)
    assert all(pair.established for pair in pairs)


def test_ranking_uses_the_seeds_that_all_have():
    scores = [{0: 3.0, 1: 9.0, 2: 0.0}, {}, {0: 2.0, 1: 8.0}, {0: -math.inf, 1: 7.0, 5: 1.0}]
    variants, found = ranking(scores)
    assert variants == [0, 2, 3]
    assert found.seeds == 2
    assert found.mean_ranks == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("scores", [[], [{}, {}], [{0: 1.0}, {1: 1.0}, {2: 1.0}]])
def test_nothing_to_rank(scores):
    assert ranking(scores) is None


METRICS = {
    "fid_m_test_1k": 40.0, "ema_fid_m_test_1k": 20.0, "best_ema_fid_m_test_1k": 25.0,
    "precision_m_test_1k": 0.5, "recall_m_test_1k": 0.4,
    "ema_precision_m_test_1k": 0.7, "ema_recall_m_test_1k": 0.6,
}  # fmt: skip
COLUMNS = ("fid_m_validation_1k", "ema_fid_m_validation_1k", "generator_train_loss")


@pytest.fixture
def averaged(tmp_path, write_run):
    """Two losses whose runs have averaged weights, and a run that measured nothing."""
    history = [{"epoch": epoch, **dict.fromkeys(COLUMNS, 1.0)} for epoch in (1, 2)]
    for number, loss in enumerate(("bce", "wgan")):
        worse = {name: value * (1 + number / 10) for name, value in METRICS.items()}
        write_run(tmp_path / loss, loss, metrics=worse, history=history)
    write_run(tmp_path / "lost", "lsgan", status="diverged", history=history)
    return tmp_path


def test_averaged_weights_come_first_where_every_measured_run_has_them(averaged, compared):
    comparison = compared(averaged)
    assert comparison.checkpoints == ["ema_", "", "best_ema_"]
    assert [metric.base for metric in comparison.primary] == [
        "fid_m_test_1k", "precision_m_test_1k", "recall_m_test_1k",
    ]  # fmt: skip
    assert [metric.name for metric in headlines(comparison)] == [
        "ema_fid_m_test_1k", "ema_precision_m_test_1k",
    ]  # fmt: skip
    assert [column.name for column in comparison.history_columns()] == [
        "ema_fid_m_validation_1k", "fid_m_validation_1k", "generator_train_loss",
    ]  # fmt: skip
    ((x, y),) = comparison.protocol_pairs("precision", "recall")
    assert (x.name, y.name) == ("ema_precision_m_test_1k", "ema_recall_m_test_1k")


def test_the_headline_is_named_in_summary_tables_and_page(averaged, compared, page):
    topic = summary(compared(averaged))[0].topic
    assert topic == "Fréchet distance (FID), averaged weights (EMA), lower is better"
    assert r"Fréchet distance (FID), averaged weights (EMA) ↓ |" in to_markdown(compared(averaged))
    text = page(averaged)
    places = [text.index(f'<option value="{key}">') for key in ("ema_", "", "best_ema_")]
    assert places == sorted(places)
    assert "<span data-measured>averaged weights (EMA)</span>" in text
    assert 'title="ema_fid_m_test_1k, averaged weights (EMA): ↓ lower is better"' in text
    assert 'data-across="precision_m_test_1k" data-up="recall_m_test_1k"' in text


def test_last_weights_are_compared_where_one_run_has_no_others(averaged, compared, write_run):
    write_run(averaged / "without", "hinge", metrics={"fid_m_test_1k": 30.0})
    comparison = compared(averaged)
    assert comparison.checkpoints == ["", "ema_", "best_ema_"]
    assert {metric.checkpoint for metric in comparison.primary} == {""}


def test_settings_are_chosen_on_the_validation_numbers_of_the_same_weights(averaged, compared):
    runs = list(compared(averaged).variants[0].runs)
    assert validation_column("ema_fid_m_test_1k", runs) == "ema_fid_m_validation_1k"
    assert validation_column("fid_m_test_1k", runs) == "fid_m_validation_1k"
