"""Axes beside one huge value: ordinary ones keep half of the room, and the huge one is on it."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from gan_zoo.report.outliers import linear_part, survive_outliers
from gan_zoo.training.pictures import loss_curve, sample_scatter

ORDINARY = [0.7, 1.2, 1.9, 0.4, 2.5, 1.1]


def drawn(values, axis="y", scale="linear"):
    panel = Figure(figsize=(4, 4)).add_subplot()
    panel.set_yscale(scale)
    places = np.arange(len(values))
    panel.plot(*((values, places) if axis == "x" else (places, values)))
    survive_outliers(panel, axis, values)
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
def test_an_axis_without_outliers_stays_as_it_is(values):
    panel = drawn(values)
    assert panel.get_yscale() == "linear"
    assert not panel.texts


def test_a_logarithmic_axis_stays_as_it_is():
    assert drawn([1.0, 2.0, 9e13], scale="log").get_yscale() == "log"


def test_zeros_and_what_is_not_finite_are_no_ordinary_size():
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
