"""Intervals over samples against binomial and multinomial closed forms."""

import math

import pytest
import torch

from gan_zoo.evaluation.intervals import histogram_interval, share_interval
from gan_zoo.metrics.class_histogram import class_total_variation


def test_a_share_s_interval_is_the_binomial_s():
    low, high = share_interval(0.3, 10_000)
    half = 1.96 * math.sqrt(0.3 * 0.7 / 10_000)
    assert low == pytest.approx(0.3 - half, abs=1e-3)
    assert high == pytest.approx(0.3 + half, abs=1e-3)
    assert share_interval(1.0, 50) == (1, 1)
    assert share_interval(0.3, 10_000) == (low, high)  # no hidden stream


def test_a_histogram_distance_s_interval_is_centred_on_the_distance():
    """Two classes: |q - p| with q binomial."""
    shares = torch.tensor([0.7, 0.3], dtype=torch.float64)
    wanted = torch.tensor([0.5, 0.5], dtype=torch.float64)
    low, high = histogram_interval(shares, wanted, 1000, class_total_variation)
    half = 1.96 * math.sqrt(0.7 * 0.3 / 1000)
    assert low == pytest.approx(0.2 - half, abs=4e-3)
    assert high == pytest.approx(0.2 + half, abs=4e-3)
