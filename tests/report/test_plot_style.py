"""Axes of the report's figures."""

import numpy as np

from gan_zoo.report.plot_style import logarithmic, panels


def test_an_axis_without_a_positive_value_stays_linear():
    _, (empty, usual) = panels(2, 2, (3, 2))
    empty.plot([1, 2], np.array([0.0, 0.0]))
    usual.plot([1, 2], [0.0, 2.0])
    for panel in (empty, usual):
        logarithmic(panel)
    assert (empty.get_yscale(), usual.get_yscale()) == ("linear", "log")
