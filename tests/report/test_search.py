import itertools
import math

import numpy as np
import pytest

from gan_zoo.report.quantities import quantity
from gan_zoo.report.search import best_of_k, budget_curve, search, search_all, validation_column

FID = quantity("fid_m_test_1k")


def setting(tmp_path, write_run, rate, test, validation, status="finished", loss="bce"):
    history = [{"epoch": 1, "fid_m_validation_500": 99.0}]
    history.append({"epoch": 2, "fid_m_validation_500": validation})
    number = len(list(tmp_path.iterdir()))
    metrics = {FID.name: test} if status == "finished" else {}
    write_run(
        tmp_path / str(number), loss, 0, status, metrics, [f"lr={rate}"], history=history
    )  # fmt: skip


def test_best_on_validation_is_reported_on_test(tmp_path, write_run, compared):
    setting(tmp_path, write_run, 1, test=10.0, validation=5.0)
    setting(tmp_path, write_run, 2, test=20.0, validation=4.0)  # chosen, though worse on test
    setting(tmp_path, write_run, 3, test=30.0, validation=6.0)
    setting(tmp_path, write_run, 1, test=7.0, validation=7.0, loss="wgan")
    bce, wgan = search(compared(tmp_path), FID)
    # k = 2: of the three draws two hold the setting with test 20, one is {10, 30} -> 10
    assert bce.curve.expected == pytest.approx((20.0, 50 / 3, 20.0))
    assert bce.selected_by == "fid_m_validation_500"
    assert wgan.curve.expected == (7.0,)
    assert wgan.variant == 3


def test_a_diverged_setting_is_counted(tmp_path, write_run, compared):
    setting(tmp_path, write_run, 1, 10.0, 1.0)
    setting(tmp_path, write_run, 2, 20.0, 2.0)
    setting(tmp_path, write_run, 3, math.nan, 0.0, status="diverged")
    (found,) = search(compared(tmp_path), FID)
    assert (found.settings, found.lost) == (3, 1)
    assert found.curve.expected == pytest.approx((15.0, (10 + 10 + 20) / 3, 10.0))


def test_without_a_sweep_there_is_no_budget(tmp_path, write_run, compared):
    setting(tmp_path, write_run, 1, 10.0, 1.0)
    setting(tmp_path, write_run, 2, 20.0, 2.0)
    assert search_all(compared(tmp_path)) == {FID.name: []}


def test_without_validation_the_metric_itself_chooses(tmp_path, write_run, compared):
    for rate in range(3):
        write_run(
            tmp_path / str(rate), "bce", 0, "finished", {FID.name: 1.0 + rate}, [f"lr={rate}"]
        )
    (found,) = search(compared(tmp_path), FID)
    assert found.selected_by == FID.name
    assert validation_column("something_else", []) is None


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_best_of_k_by_enumeration(k):
    selection, scores = [0.3, 0.9, 0.1, 0.7, 0.5], [5.0, 1.0, 9.0, 2.0, 4.0]
    draws = list(itertools.combinations(range(5), k))
    expected = np.mean([scores[max(draw, key=lambda i: selection[i])] for draw in draws])
    assert best_of_k(selection, scores)[k - 1] == pytest.approx(expected)


def test_known_order_statistics_of_normals():
    # expected best of 3, 5 and 10 of a standard normal: .85, 1.16, 1.54 deviations
    values = np.random.default_rng(0).normal(size=2000).tolist()
    curve = best_of_k(values, values)
    assert curve[2] == pytest.approx(0.846, abs=0.06)
    assert curve[4] == pytest.approx(1.163, abs=0.06)
    assert curve[9] == pytest.approx(1.539, abs=0.06)


def test_a_diverged_setting_uses_up_budget():
    # two of three alive: k = 1 averages them; k = 2 draws are ab, a-, b- -> a, a, b; k = 3 -> a
    found = best_of_k([2.0, -math.inf, 1.0], [6.0, math.nan, 3.0])
    assert found == pytest.approx([4.5, 5.0, 6.0])


def test_nothing_alive():
    assert math.isnan(best_of_k([-math.inf], [math.nan])[0])


def test_band_depends_on_the_generator_alone():
    selection, scores = [1.0, 2.0, 3.0, 4.0], [10.0, 30.0, 20.0, 40.0]
    first, second = (
        budget_curve(selection, scores, np.random.default_rng(7), 50) for _ in range(2)
    )
    assert first == second
    assert all(a <= b <= c for a, b, c in zip(first.low, first.expected, first.high, strict=True))
