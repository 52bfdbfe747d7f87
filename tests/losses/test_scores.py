"""Checks and precision shared by all losses."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gan_zoo.losses.scores import as_pair, as_relativistic_pair, as_scores, softplus


@pytest.mark.parametrize(
    "scores", [torch.zeros(5, 1), torch.zeros(1, 5), torch.zeros(()), torch.zeros(0)]
)
def test_one_score_a_sample(scores):
    with pytest.raises(ValueError, match=r"scores have shape .*allowed: \(N,\)"):
        as_scores(scores)


def test_no_integers():
    with pytest.raises(ValueError, match="allowed: floating point"):
        as_scores(torch.arange(5))


def test_sizes_must_agree():
    with pytest.raises(ValueError, match="5 real and 1 fake scores"):
        as_pair(torch.zeros(5), torch.zeros(1))


def test_relativistic_generators_need_reals():
    with pytest.raises(ValueError, match="real scores are missing"):
        as_relativistic_pair(None, torch.zeros(5))


def test_half_types_are_widened_and_doubles_kept():
    for given_type, expected in (
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ):
        assert as_scores(torch.zeros(5, dtype=given_type)).dtype == expected


@given(st.floats(-700, 700))
def test_softplus_solves_its_equation(x):
    """exp(softplus(x)) - 1 = exp(x), checked as softplus(x) - x = softplus(-x)."""
    value = softplus(torch.tensor(x, dtype=torch.float64)).item()
    mirrored = softplus(torch.tensor(-x, dtype=torch.float64)).item()
    assert value - mirrored == pytest.approx(x, rel=1e-14, abs=1e-14)
    assert value >= max(x, 0)


def test_softplus_is_exact_beyond_torchs_threshold():
    value = softplus(torch.tensor(25.0, dtype=torch.float64)).item()
    assert value - 25.0 == pytest.approx(1.3887943864964021e-11, rel=1e-3)
