"""Fast layers against plain forms built here from torch's own pieces."""

import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from gan_zoo.models.layers import LeakyDropout, SameConv2d, UpsampleConv2d


def plain_upsample_conv(layer: UpsampleConv2d, x: torch.Tensor) -> torch.Tensor:
    up = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    return functional.conv2d(up, layer.weight, layer.bias, padding=2)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 7)])
def test_upsample_conv_equals_the_plain_form_borders_included(size):
    torch.manual_seed(0)
    layer = UpsampleConv2d(3, 4).double()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    assert_close(layer(x), plain_upsample_conv(layer, x), rtol=1e-12, atol=1e-12)


def test_upsample_conv_has_the_plain_form_s_gradients():
    torch.manual_seed(0)
    layer = UpsampleConv2d(3, 4).double()
    x = torch.randn(5, 3, 7, 7, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(5, 4, 14, 14, dtype=torch.float64)
    inputs = [x, layer.weight, layer.bias]
    fast = torch.autograd.grad((layer(x) * weights).sum(), inputs)
    plain = torch.autograd.grad((plain_upsample_conv(layer, x) * weights).sum(), inputs)
    for ours, theirs in zip(fast, plain, strict=True):
        assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


def test_upsample_conv_keeps_the_plain_parameters():
    state = UpsampleConv2d(3, 4).state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == {
        "weight": (4, 3, 5, 5),
        "bias": (4,),
    }


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "before", "after"),
    [(28, 3, 2, 0, 1), (14, 3, 1, 1, 1), (28, 2, 1, 0, 1), (7, 3, 2, 1, 1), (28, 5, 1, 2, 2)],
)
def test_same_convolution_pads_as_tensorflow_does(size, kernel, stride, before, after):
    # TensorFlow: total = (ceil(size / stride) - 1) * stride + kernel - size, the odd one after.
    torch.manual_seed(0)
    layer = SameConv2d(2, 3, kernel_size=kernel, stride=stride)
    x = torch.randn(1, 2, size, size)
    padded = functional.pad(x, (before, after, before, after))
    expected = functional.conv2d(padded, layer.weight, layer.bias, stride)
    assert layer(x).shape[-1] == -(-size // stride)
    assert_close(layer(x), expected)


def test_leaky_dropout_keeps_the_right_share_and_scale():
    torch.manual_seed(0)
    layer = LeakyDropout(0.3, 0.3)
    x = torch.cat([torch.full((200_000,), 2.0), torch.full((200_000,), -2.0)])
    y = layer(x)
    kept = y != 0
    share = kept.float().mean().item()
    assert abs(share - 0.7) < 5 * (0.3 * 0.7 / 400_000) ** 0.5  # five standard errors
    assert_close(y[:200_000][kept[:200_000]].unique(), torch.tensor([2 / 0.7]), rtol=1e-4, atol=0)
    assert_close(
        y[200_000:][kept[200_000:]].unique(), torch.tensor([-0.6 / 0.7]), rtol=1e-4, atol=0
    )


def test_leaky_dropout_drops_neighbours_independently():
    # Four elements share one 64-bit draw: their fates must not be correlated.
    torch.manual_seed(0)
    kept = (LeakyDropout(0.3, 0.3)(torch.ones(400_000)) != 0).double().view(-1, 4)
    correlation = torch.corrcoef(kept.T)
    assert (correlation - torch.eye(4, dtype=torch.float64)).abs().max() < 0.02


def test_leaky_dropout_in_evaluation_is_leaky_relu():
    x = torch.randn(5, 7)
    assert_close(LeakyDropout(0.3, 0.5).eval()(x), functional.leaky_relu(x, 0.3))
    assert_close(LeakyDropout(0.2, 0.0)(x), functional.leaky_relu(x, 0.2))


def test_leaky_dropout_differentiates_as_the_two_layers_do():
    torch.manual_seed(0)
    layer = LeakyDropout(0.3, 0.3)
    x = torch.randn(1000, requires_grad=True)
    y = layer(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert_close(gradient * x.detach(), y.detach())  # piecewise linear through the origin


@pytest.mark.parametrize(
    ("slope", "p", "named"), [(-0.1, 0.3, "leaky_slope"), (0.3, 1.0, "dropout")]
)
def test_leaky_dropout_refuses_values_out_of_range(slope, p, named):
    with pytest.raises(ValueError, match=named):
        LeakyDropout(slope, p)


def test_leaky_dropout_follows_the_global_stream():
    def draw():
        torch.manual_seed(3)
        return LeakyDropout(0.3, 0.3)(torch.ones(50))

    assert torch.equal(draw(), draw())
