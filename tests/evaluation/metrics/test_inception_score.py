import math

import numpy as np
import pytest
import scipy.special
import torch

from gan_zoo.evaluation.metrics.inception_score import inception_score


def logits(count, classes, seed, scale=2.0):
    rng = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, classes, generator=rng)


def test_sure_and_balanced_is_the_number_of_classes():
    sure = 200 * torch.eye(5).repeat(3, 1)
    assert inception_score(sure) == pytest.approx(5)


def test_undecided_and_collapsed_are_one():
    assert inception_score(torch.zeros(7, 5)) == pytest.approx(1)
    assert inception_score(torch.tensor([[200.0, 0, 0, 0]]).repeat(9, 1)) == pytest.approx(1)


def test_sure_but_unbalanced_is_the_exponential_of_the_entropy():
    sure = 200 * torch.eye(3)[torch.tensor([0, 0, 0, 1, 1, 2])]
    entropy = math.log(2) / 2 + math.log(3) / 3 + math.log(6) / 6
    assert inception_score(sure) == pytest.approx(math.exp(entropy))


def test_agrees_with_the_definition():
    values = logits(40, 6, seed=0)
    p = scipy.special.softmax(values.double().numpy(), axis=1)
    divergences = scipy.special.rel_entr(p, p.mean(0)).sum(1)
    assert inception_score(values) == pytest.approx(np.exp(divergences.mean()), rel=1e-12)


@pytest.mark.parametrize("size", [1e3, 1e5, 1e30])
def test_saturated_logits_give_a_number(size):
    collapsed = torch.zeros(20, 10)
    collapsed[:, 3] = size
    assert inception_score(collapsed) == pytest.approx(1)
    two = collapsed.clone()
    two[:10] = two[:10].roll(1, 1)
    assert inception_score(two) == pytest.approx(2)


def test_adding_a_constant_to_a_sample_changes_nothing():
    values = logits(20, 6, seed=1)
    shifted = values + 10 * logits(20, 1, seed=2)
    assert inception_score(shifted) == pytest.approx(inception_score(values), rel=1e-5)


def test_no_samples():
    with pytest.raises(ValueError, match="logits must have at least 1 rows, got 0"):
        inception_score(torch.zeros(0, 10))


def test_agrees_with_torch_fidelity():
    package = pytest.importorskip("torch_fidelity.metric_isc")
    logits = 3 * torch.randn(200, 7, generator=torch.Generator().manual_seed(5))
    oracle = package.isc_features_to_metric(logits, splits=1)["inception_score_mean"]
    assert inception_score(logits) == pytest.approx(oracle, rel=1e-10)
