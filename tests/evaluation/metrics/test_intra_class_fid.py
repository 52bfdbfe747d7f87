import pytest
import torch

from gan_zoo.evaluation.metrics.fid import fid
from gan_zoo.evaluation.metrics.intra_class_fid import class_fids

LABELS = torch.arange(60) % 3


def normal(count, dim, seed):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=rng, dtype=torch.float64)


def test_each_class_by_itself():
    real = normal(60, 4, 0) + 5 * LABELS[:, None]
    fake = real.flip(0)  # labels 2, 1, 0, 2, ...: the same classes in another order
    fake_labels = LABELS.flip(0)
    shifts = torch.tensor([1.0, 2.0, 0.0])
    fake = fake + shifts[fake_labels][:, None]
    found = class_fids(real, LABELS, fake, fake_labels, 3)
    assert found == pytest.approx([4.0, 16.0, 0.0], abs=1e-9)  # |shift|^2 = 4 shift^2


def test_swapped_labels_are_seen_where_fid_sees_nothing():
    real = normal(60, 4, 1) + 5 * LABELS[:, None]
    swapped = torch.tensor([1, 0, 2])[LABELS]
    assert fid(real, real.clone()) == 0
    assert class_fids(real, LABELS, real, swapped, 3)[0] > 50
    assert class_fids(real, LABELS, real, swapped, 3)[2] == 0


def test_a_missing_class_is_named():
    real, fake = normal(60, 4, 2), normal(60, 4, 3)
    with pytest.raises(ValueError, match="fake must have at least 2 samples of class 2, got 0"):
        class_fids(real, LABELS, fake, LABELS % 2, 3)
    with pytest.raises(ValueError, match="real must have at least 2 samples of class 3, got 0"):
        class_fids(real, LABELS, fake, torch.arange(60) % 4, 4)


def test_labels_must_match():
    real, fake = normal(60, 4, 2), normal(60, 4, 3)
    with pytest.raises(ValueError, match=r"fake must be \(60,\) integers.* got shape \(59,\)"):
        class_fids(real, LABELS, fake, LABELS[1:], 3)
    with pytest.raises(ValueError, match=r"labels of real .*float32"):
        class_fids(real, LABELS.float(), fake, LABELS, 3)
