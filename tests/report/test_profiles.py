"""Performance profiles and optimality gaps, by hand."""

from dataclasses import replace

import pytest

from gan_zoo.report.profiles import optimality_gap, profile, profiles


@pytest.fixture
def compared_runs(tmp_path, write_run, compared):
    """bce: 1, 2, 4 and one diverged run; wgan: 3, 3."""
    for seed, value in enumerate([2.0, 1.0, 4.0]):
        metrics = {"fid_m_test_1k": value, "recall_m_test_1k": 1 - value / 10}
        write_run(tmp_path / "s" / f"b{seed}", "bce", seed, metrics=metrics)
    write_run(tmp_path / "s" / "b3", "bce", 3, "diverged")
    for seed in range(2):
        write_run(tmp_path / "s" / f"w{seed}", "wgan", seed,
                  metrics={"fid_m_test_1k": 3.0, "recall_m_test_1k": 0.5})  # fmt: skip
    return compared(tmp_path / "s")


def metric(comparison, start):
    return next(each for each in comparison.metrics if each.name.startswith(start))


def test_a_profile_counts_runs_at_least_this_good_and_no_diverged_one(compared_runs):
    bce, wgan = compared_runs.variants
    fid, recall = metric(compared_runs, "fid"), metric(compared_runs, "recall")
    assert profile(bce, fid).values == (1.0, 2.0, 4.0)
    assert profile(bce, fid).shares == (0.25, 0.5, 0.75)
    assert profile(wgan, fid).values == (3.0, 3.0)
    assert profile(wgan, fid).shares == (0.5, 1.0)
    assert profile(bce, recall).values == pytest.approx((0.9, 0.8, 0.6))
    assert profile(bce, replace(fid, better=0)) is None


def test_the_gap_is_a_mean_of_shares_between_target_and_baseline(compared_runs):
    bce, wgan = compared_runs.variants
    fid, recall = metric(compared_runs, "fid"), metric(compared_runs, "recall")
    # 1 is below the target, 2 and 4 are 0.1 and 0.5 of the way, the diverged one is all of it
    assert optimality_gap(bce, fid, 1.5, 6.5) == pytest.approx((0 + 0.1 + 0.5 + 1) / 4)
    assert optimality_gap(wgan, fid, 1.0, 2.0) == 1.0  # no further than the baseline
    assert optimality_gap(wgan, recall, 0.9, 0.4) == pytest.approx(0.8)
    assert optimality_gap(bce, fid, 5.0, 5.0) is None
    assert optimality_gap(bce, fid, 5.0, 4.0) is None


def test_the_figure_has_a_line_for_each_variant(compared_runs):
    figure = profiles(compared_runs)
    fid, recall = figure.axes
    assert [len(panel.lines) for panel in (fid, recall)] == [2, 2]
    assert recall.xaxis_inverted()
    assert not fid.xaxis_inverted()
    assert fid.lines[0].get_ydata().tolist() == [0.25, 0.5, 0.75, 0.75]
    assert fid.lines[0].get_xdata().tolist() == [1, 2, 4, 4]
    assert profiles(replace(compared_runs, metrics=())) is None
