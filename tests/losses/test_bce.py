"""Sigmoid cross-entropy: values, smoothing, the gradient that does not saturate."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from gan_zoo.losses.bce import Bce

REAL = torch.tensor([0.0, 2.0, -1.0, 5.0, -9.0], dtype=torch.float64)
FAKE = torch.tensor([1.0, -3.0, 0.5, 0.0, 8.0], dtype=torch.float64)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_discriminator_is_cross_entropy_against_smoothed_labels(smoothing):
    target = torch.full_like(REAL, 1 - smoothing)
    expected = binary_cross_entropy_with_logits(REAL, target) + binary_cross_entropy_with_logits(
        FAKE, torch.zeros_like(FAKE)
    )
    torch.testing.assert_close(Bce(smoothing).discriminator(REAL, FAKE), expected)


def test_generator_is_cross_entropy_against_one_whatever_the_smoothing():
    expected = binary_cross_entropy_with_logits(FAKE, torch.ones_like(FAKE))
    for smoothing in (0.0, 0.1):
        torch.testing.assert_close(Bce(smoothing).generator(FAKE), expected)


def test_undecided_values():
    zeros = torch.zeros(5, dtype=torch.float64)
    assert Bce().discriminator(zeros, zeros).item() == pytest.approx(2 * math.log(2))
    assert Bce().generator(zeros).item() == pytest.approx(math.log(2))


def test_keras_anchors_of_smoothed_labels():
    """The Keras AC-GAN's 0.95 / 0 labels: D = 0.475 at equality, floors of its losses."""
    loss = Bce(0.05)
    at = torch.full((5,), loss.real_threshold, dtype=torch.float64)
    assert torch.sigmoid(at[0]).item() == pytest.approx(0.475, abs=1e-12)
    assert loss.discriminator(at, at).item() / 2 == pytest.approx(0.6919, abs=5e-5)
    separated = loss.discriminator(torch.full((5,), math.log(19.0)), torch.full((5,), -1e3))
    assert separated.item() / 2 == pytest.approx(0.0993, abs=5e-5)


def test_generator_gradient_does_not_vanish_on_rejected_samples():
    fake = torch.full((5,), -50.0, requires_grad=True)
    Bce().generator(fake).backward()
    torch.testing.assert_close(fake.grad, torch.full((5,), -1 / 5))


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan")])
def test_refuses_other_smoothings(smoothing):
    with pytest.raises(ValueError, match=r"loss\.smoothing must be at least 0"):
        Bce(smoothing)


def test_only_hard_labels_make_the_loss_an_estimate_of_a_divergence():
    assert Bce().divergence_range == (-math.log(4), 0)
    assert Bce(smoothing=0.1).divergence_range is None
