"""Default facts and checks of scores that all losses share."""

import pytest
import torch

from gan_zoo.losses.base import Loss, as_pair, as_relativistic_pair, as_scores
from gan_zoo.losses.wgan import Wgan


@pytest.mark.parametrize(
    "scores", [torch.zeros(5, 1), torch.zeros(1, 5), torch.zeros(()), torch.zeros(0)]
)
def test_requires_one_score_for_each_sample(scores):
    with pytest.raises(ValueError, match=r"scores must have shape \(N,\)"):
        as_scores(scores)


def test_refuses_integers():
    with pytest.raises(ValueError, match=r"floating point.* got torch\.int64"):
        as_scores(torch.arange(5))


def test_refuses_different_numbers():
    with pytest.raises(ValueError, match="equally many, got 5 and 1"):
        as_pair(torch.zeros(5), torch.zeros(1))


def test_relativistic_generators_need_reals():
    with pytest.raises(ValueError, match="real scores are missing"):
        as_relativistic_pair(None, torch.zeros(5))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.float16, torch.float32), (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32), (torch.float64, torch.float64),
    ],
)  # fmt: skip
def test_half_types_are_widened_and_doubles_kept(given, expected):
    assert as_scores(torch.zeros(5, dtype=given)).dtype == expected


def test_facts_have_defaults_that_a_loss_overrides():
    for loss, lipschitz in ((Loss(), False), (Wgan(), True)):
        assert loss.needs_lipschitz is lipschitz
        assert loss.needs_real_in_generator_step is False
        assert loss.real_threshold == 0
        assert loss.divergence_range is None
