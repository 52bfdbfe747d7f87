import math

import pytest
import torch

from gan_zoo.evaluation.metrics import distances
from gan_zoo.evaluation.metrics.diversity import class_diversities


def normal(count, dim, seed):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=rng, dtype=torch.float64)


def test_a_triangle_and_a_pair_by_hand():
    features = torch.tensor([[0.0, 0.0], [100.0, 0.0], [3.0, 0.0], [0.0, 4.0], [100.0, 7.0]])
    labels = torch.tensor([0, 1, 0, 0, 1])
    assert class_diversities(features, labels, 2) == pytest.approx([(3 + 4 + 5) / 3, 7])


def test_agrees_with_all_pairs_in_blocks(monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 280)
    features = normal(60, 5, 0)
    labels = torch.arange(60) % 3
    expected = [float(torch.pdist(features[labels == k]).mean()) for k in range(3)]
    assert class_diversities(features, labels, 3) == pytest.approx(expected, rel=1e-12)


def test_a_class_of_copies_is_zero():
    features = normal(1, 6, 1).repeat(20, 1)
    assert class_diversities(features, torch.arange(20) % 2, 2) == [0.0, 0.0]


def test_does_not_depend_on_the_number_of_samples():
    # E |x - y| of two standard normal numbers is 2 / sqrt(pi)
    labels = torch.zeros(30, dtype=torch.long)
    values = [class_diversities(normal(30, 1, i), labels, 1)[0] for i in range(300)]
    assert sum(values) / 300 == pytest.approx(2 / math.sqrt(math.pi), rel=0.03)


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (
            normal(4, 2, 0),
            torch.tensor([0, 0, 1, 0]),
            "at least 2 samples of class 1, got 1",
        ),
        (
            normal(4, 2, 0),
            torch.tensor([0, 0, 0, 0]),
            "at least 2 samples of class 1, got 0",
        ),
        (normal(4, 2, 0) / 0, torch.tensor([0, 0, 1, 1]), "NaN or infinity in 4 of 4"),
        (normal(4, 2, 0), torch.tensor([0, 0, 1]), r"shape \(3,\)"),
    ],
)
def test_input_that_cannot_be_measured(features, labels, message):
    with pytest.raises(ValueError, match=message):
        class_diversities(features, labels, 2)
