import math

import pytest

from gan_zoo.report.quantities import quantity
from gan_zoo.report.search import search, search_all, validation_twin

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
    assert validation_twin("something_else", []) is None
