import pytest
import torch

from gan_zoo.evaluation.features.cnn import MaxPool


@pytest.mark.parametrize("size", [(24, 24), (7, 8), (8, 7), (2, 3)])
def test_pooling_is_torch_s_to_the_bit(size):
    images = torch.randn(5, 3, *size, requires_grad=True)
    ours, theirs = MaxPool()(images), torch.nn.MaxPool2d(2)(images)
    assert torch.equal(ours, theirs)
    weights = torch.randn_like(ours)
    found = [torch.autograd.grad((each * weights).sum(), images)[0] for each in (ours, theirs)]
    assert torch.equal(*found)  # no two of random pixels tie
