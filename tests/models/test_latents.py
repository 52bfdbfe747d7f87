"""Samplers: range, moments, balance, and that the generator alone decides."""

import pytest
import torch

from gan_zoo.data.random_streams import stream
from gan_zoo.models.latents import BalancedLabels, Normal, Uniform, UniformLabels


def test_uniform_latents_fill_their_range():
    z = Uniform(-1, 1)(2000, 50, stream(0, "test"))
    assert z.shape == (2000, 50)
    assert z.min() >= -1
    assert z.max() < 1
    assert abs(z.mean().item()) < 0.01
    assert abs(z.var().item() - 1 / 3) < 0.01


def test_normal_latents_have_the_standard_deviation_asked_for():
    z = Normal(2.0)(2000, 50, stream(0, "test"))
    assert abs(z.std().item() - 2) < 0.02


def test_uniform_labels_reach_every_class_and_no_other():
    labels = UniformLabels()(10_000, 7, stream(0, "test"))
    counts = labels.bincount(minlength=7)
    assert len(counts) == 7
    assert counts.min() > 10_000 / 7 * 0.85


def test_balanced_labels_differ_by_one_at_most():
    counts = BalancedLabels()(103, 10, stream(0, "test")).bincount(minlength=10)
    assert sorted(counts.tolist()) == [10] * 7 + [11] * 3


@pytest.mark.parametrize("sampler", [Uniform(), Normal(), UniformLabels(), BalancedLabels()])
def test_same_stream_same_draw_and_the_global_stream_is_not_touched(sampler):
    before = torch.get_rng_state()
    first, second = (sampler(20, 10, stream(5, "test")) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, sampler(20, 10, stream(6, "test")))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("make", [lambda: Uniform(1, 1), lambda: Normal(0)])
def test_values_out_of_range_are_refused(make):
    with pytest.raises(ValueError, match="latents"):
        make()
