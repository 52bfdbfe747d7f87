import math

import pytest
from scipy import stats

from gan_zoo.report.ranks import rank

INF = math.inf


def test_mean_ranks_by_hand():
    # seed 0: 3, 2, 1 points -> ranks 1, 2, 3; seed 1: tie of the last two -> 1, 2.5, 2.5
    found = rank([[3, 2, 1], [9, 4, 4]])
    assert found.mean_ranks == (1.0, 2.25, 2.75)
    assert found.seeds == 2


def test_a_diverged_run_ranks_last():
    assert rank([[-INF, 2, 1], [-INF, -INF, 4]]).mean_ranks == (2.75, 1.75, 1.5)


def test_critical_difference_of_the_published_table():
    # Demsar 2006: q_0.05 = 2.569 for 4 classifiers, so 14 data sets give 1.25
    found = rank([[4, 3, 2, 1]] * 13 + [[1, 2, 3, 4]])
    assert found.critical_difference == pytest.approx(2.569 * math.sqrt(20 / 84), rel=1e-3)


def test_friedman():
    scores = [[3, 2, 1], [9, 4, 5], [3, 1, 2], [5, 6, 2]]
    columns = list(zip(*scores, strict=True))
    assert rank(scores).p == pytest.approx(stats.friedmanchisquare(*columns).pvalue)


def test_all_tied_has_no_test():
    assert rank([[1, 1, 1], [2, 2, 2]]).p is None


@pytest.mark.parametrize("scores", [[[1, 2, 3]], [[1, 2], [3, 4]]])
def test_too_little_to_rank(scores):
    assert rank(scores) is None
