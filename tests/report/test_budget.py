import itertools
import math

import numpy as np
import pytest

from gan_zoo.report.budget import best_of_k, budget_curve


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
