"""Lessons: the distances of the table; their commands run in tests/test_docs_examples.py."""

import numpy as np
import pytest

from gan_zoo.experiments.lessons import distances, summarise
from gan_zoo.training.motion import Moment, Motion
from tests.report.conftest import write_run


def test_distances_tell_what_is_off_from_what_is_missed():
    real, points = np.array([[0.0, 0], [0, 2]]), np.array([[0.0, 0.5], [0, 0.5], [3, 0]])
    nothing = np.zeros(0)
    moment = Moment(0, points, nothing, nothing, nothing)
    motion = Motion((moment._replace(points=real), moment), real, nothing, nothing, (0, 1))
    off, missed = distances(motion)
    assert off == pytest.approx((0.5 + 0.5 + 3) / 3)
    assert missed == pytest.approx((0.5 + 1.5) / 2)


def test_a_run_without_motion_is_refused(tmp_path):
    write_run(tmp_path / "bce-s0")
    with pytest.raises(ValueError, match=r"bce-s0 has no motion: train with evaluation\.motion"):
        summarise(tmp_path)
