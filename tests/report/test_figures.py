"""Curves over seeds, axes with outliers, and the numbers embedded in the page."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from gan_zoo.report.figures import curve
from gan_zoo.report.outliers import linear_part, symlog_if_outliers
from gan_zoo.report.page import page_data, to_script
from gan_zoo.report.pictures import SampleStrips
from gan_zoo.training.pictures import loss_curve, sample_scatter

ORDINARY = [0.7, 1.2, 1.9, 0.4, 2.5, 1.1]


def test_median_and_extremes_by_hand(tmp_path, write_run, compared):
    rows = {0: [1.0, 5.0, ""], 1: [2.0, 7.0, 2.0], 2: [9.0]}  # the last diverged after an epoch
    for seed, values in rows.items():
        history = [
            {"epoch": e, "a": v, "generator_updates": 10 * e} for e, v in enumerate(values, 1)
        ]
        status = "diverged" if seed == 2 else "finished"
        write_run(tmp_path / str(seed), seed=seed, status=status, history=history)
    (variant,) = compared(tmp_path).variants
    found = curve(variant, "a", "epoch")
    np.testing.assert_array_equal(found.x, [1, 2, 3])
    np.testing.assert_array_equal(found.median, [2, 6, 2])
    np.testing.assert_array_equal(found.low, [1, 5, 2])
    np.testing.assert_array_equal(found.high, [9, 7, 2])
    np.testing.assert_array_equal(found.seeds, [3, 2, 1])
    np.testing.assert_array_equal(curve(variant, "a", "generator_updates").x, [10, 20, 30])


def test_seconds_are_the_median_over_seeds(tmp_path, write_run, compared):
    for seed in range(3):
        folder = write_run(tmp_path / str(seed), seed=seed, history=[{"epoch": 1, "a": 1.0}])
        (folder / "timing.csv").write_text(f"epoch,seconds\n1,{(seed + 1) ** 2}\n")
    (variant,) = compared(tmp_path).variants
    np.testing.assert_array_equal(curve(variant, "a", "seconds").x, [4])


def test_a_column_that_no_run_has(tmp_path, write_run, compared):
    write_run(tmp_path / "0", history=[{"epoch": 1, "a": ""}])
    (variant,) = compared(tmp_path).variants
    assert curve(variant, "a") is None
    assert curve(variant, "b") is None
    assert curve(variant, "a", "seconds") is None


def test_long_histories_are_thinned_on_the_page(tmp_path, write_run, compared):
    history = [{"epoch": e, "a": e} for e in range(1, 1002)]
    write_run(tmp_path / "0", history=history)
    data = page_data(compared(tmp_path), SampleStrips((), {}, {}), {})
    epochs = data["runs"][0]["curves"]["epoch"]
    assert len(epochs) <= 201
    assert epochs[-1] == 1001


def test_embedded_data_cannot_end_the_script():
    text = to_script({"</script>": ["<!--", "&", "\u2028", float("nan"), 1.23456789e-9, 2.0]})
    assert not set("<>&\u2028") & set(text)
    assert text.endswith("null,1.23457e-09,2]}")


def drawn(values, axis="y", scale="linear"):
    panel = Figure(figsize=(4, 4)).add_subplot()
    panel.set_yscale(scale)
    places = np.arange(len(values))
    panel.plot(*((values, places) if axis == "x" else (places, values)))
    symlog_if_outliers(panel, axis, values)
    panel.figure.draw_without_rendering()
    return panel


def span(panel, low, high, axis="y"):
    """Share of the axis between two values."""
    at = [(v, 0) if axis == "x" else (0, v) for v in (low, high)]
    ends = panel.transAxes.inverted().transform(panel.transData.transform(at))
    return abs(ends[1] - ends[0])[0 if axis == "x" else 1]


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("outlier", [9e13, -9e13, 1e5])
def test_ordinary_values_stay_readable_and_the_outlier_is_shown(axis, outlier):
    panel = drawn([*ORDINARY[:3], outlier, *ORDINARY[3:]], axis)
    assert span(panel, 0.4, 2.5, axis) > 0.2
    assert span(panel, 0.4, outlier, axis) > 0.6
    low, high = sorted(panel.get_xlim() if axis == "x" else panel.get_ylim())
    assert low <= outlier <= high
    assert [text.get_text()[:18] for text in panel.texts] == ["logarithmic beyond"]
    ticks = panel.get_xticks() if axis == "x" else panel.get_yticks()
    assert 4 <= len(ticks) <= 12


@pytest.mark.parametrize(
    "values", [ORDINARY, [0.0, 0.0], [5.0], [float("nan"), 1.0], [2000.0, 90.0, 20.0, 8.0]]
)
def test_an_axis_without_outliers_is_unchanged(values):
    panel = drawn(values)
    assert panel.get_yscale() == "linear"
    assert not panel.texts


def test_a_logarithmic_axis_is_unchanged():
    assert drawn([1.0, 2.0, 9e13], scale="log").get_yscale() == "log"


def test_zeros_and_infinities_do_not_change_the_linear_part():
    assert linear_part([1.0, float("inf"), float("nan")]) is None
    assert linear_part([0.0] * 9 + [1.0, 1.0, 1e9]) == 3.0


@pytest.fixture
def panels(monkeypatch):
    """The panels of figures that are rendered."""
    kept = []
    monkeypatch.setattr("gan_zoo.training.pictures.to_png", lambda f: kept.extend(f.axes) or b"")
    return kept


def test_the_loss_curve_and_toy_samples_survive_one_huge_value(panels):
    kinds = [f"{n}_{p}_loss" for n in ("generator", "discriminator") for p in ("train", "test")]
    rows = [{"epoch": e, **dict.fromkeys(kinds, 1.0 + e / 10)} for e in range(1, 8)]
    rows[0]["discriminator_train_loss"] = 9e13
    loss_curve(rows)
    points = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    points[7, 1] = 1e8
    sample_scatter(points, points[:5])
    curve, scatter = panels
    assert span(curve, 1.1, 1.7) > 0.05
    assert curve.get_ylim()[1] > 9e13
    assert scatter.get_xscale() == "linear"
    assert span(scatter, -1.0, 1.0) > 0.2
