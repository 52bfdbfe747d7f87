"""Fast layers against plain forms built here from torch's own pieces."""

import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from gan_zoo.models.layers import (
    ImageConv2d,
    ImageConvTranspose2d,
    LeakyDropout,
    QuadConv2d,
    SameConv2d,
    UpsampleConv2d,
    upsample_conv_by_differences,
    upsample_conv_by_phases,
)

FORMS = [upsample_conv_by_differences, upsample_conv_by_phases]


def plain_upsample_conv(x, weight, bias):
    up = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    return functional.conv2d(up, weight, bias, padding=2)


def upsample_conv_case(*, size, dtype=torch.float64, channels=(3, 4), count=2):
    """Input, weight and bias, each wanting a gradient, and the gradient of the output."""
    torch.manual_seed(0)
    shapes = (
        (count, channels[0], *size), (channels[1], channels[0], 5, 5), (channels[1],),
        (count, channels[1], *(2 * side for side in size)),
    )  # fmt: skip
    *inputs, weights = (torch.randn(shape, dtype=torch.float64).to(dtype) for shape in shapes)
    return [tensor.requires_grad_() for tensor in inputs], weights


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 3), (7, 7)])
def test_upsample_conv_and_its_gradients_equal_the_plain_form_s(form, memory_format, size):
    inputs, weights = upsample_conv_case(size=size)
    formatted = [inputs[0].contiguous(memory_format=memory_format), *inputs[1:]]
    fast, plain = form(*formatted), plain_upsample_conv(*inputs)
    assert_close(fast, plain, rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(
        torch.autograd.grad((fast * weights).sum(), inputs),
        torch.autograd.grad((plain * weights).sum(), inputs),
        strict=True,
    ):
        assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("form", FORMS)
def test_upsample_conv_rounds_no_worse_than_the_plain_form(form):
    """Differences of neighbours lose digits only if they are large against what they replace."""
    inputs, weights = upsample_conv_case(size=(7, 7), channels=(128, 32), dtype=torch.float32)
    exact = [tensor.detach().double().requires_grad_() for tensor in inputs]

    def found(function, arguments, of):
        output = function(*arguments)
        return [output, *torch.autograd.grad((output * of).sum(), arguments)]

    truth = found(plain_upsample_conv, exact, weights.double())
    plain, fast = (found(f, inputs, weights) for f in (plain_upsample_conv, form))
    for ours, theirs, true in zip(fast, plain, truth, strict=True):
        assert (ours - true).norm() < 3 * (theirs - true).norm() + 1e-7 * true.norm()
        assert (ours - true).norm() < 1e-5 * true.norm()


@pytest.mark.parametrize("form", FORMS)
def test_upsample_conv_differentiates_twice(form):
    inputs, _ = upsample_conv_case(size=(2, 2), channels=(1, 2), count=1)
    assert torch.autograd.gradcheck(form, inputs)
    assert torch.autograd.gradgradcheck(form, inputs)


def test_upsample_conv_takes_no_differences_of_16_bit_numbers():
    torch.manual_seed(0)
    layer = UpsampleConv2d(64, 8)
    x = 10 + torch.randn(2, 64, 7, 7)  # neighbours that are nearly the same
    true = plain_upsample_conv(x.double(), layer.weight.double(), layer.bias.double())
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
    assert found.dtype == torch.bfloat16
    # each factor is rounded to 8 bits: relative error 2^-9 each, and 2^-9 of the result
    assert (found - true).norm() < 3 * 2**-9 * true.norm()
    assert_close(layer(x), true.float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("channels", "size"), [((5, 1), (4, 4)), ((3, 3), (1, 3))])
def test_quad_convolution_equals_the_plain_form(memory_format, channels, size):
    torch.manual_seed(0)
    quad = QuadConv2d(*channels).double()
    plain = SameConv2d(*channels, kernel_size=2).double()
    plain.load_state_dict(quad.state_dict())
    x = torch.randn(2, channels[0], *size, dtype=torch.float64, requires_grad=True)
    results = []
    for layer in (quad, plain):
        y = layer(x.contiguous(memory_format=memory_format))
        results.append([y, *torch.autograd.grad(y.sin().sum(), [x, *layer.parameters()])])
    for ours, theirs in zip(*results, strict=True):
        assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


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


def test_leaky_dropout_in_place_gives_the_same_values_and_both_derivatives():
    x = torch.randn(4, 3, 5, 5, requires_grad=True)
    found = []
    for inplace in (False, True):
        torch.manual_seed(0)
        y = LeakyDropout(0.3, 0.3, inplace=inplace)(x * 1)
        (gradient,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        found.append([y, gradient, *torch.autograd.grad(gradient.square().sum(), x)])
    for plain, inplace in zip(*found, strict=True):
        assert torch.equal(plain, inplace)


def test_leaky_dropout_keeps_the_memory_format_and_its_share_in_it():
    torch.manual_seed(0)
    x = torch.ones(20, 50, 20, 20).contiguous(memory_format=torch.channels_last)
    y = LeakyDropout(0.3, 0.3)(x)
    assert y.is_contiguous(memory_format=torch.channels_last)
    share = (y != 0).float().mean((0, 2, 3))  # of each channel's 8,000 numbers
    assert (share - 0.7).abs().max() < 5 * (0.3 * 0.7 / 8000) ** 0.5


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


PLAIN = {
    ImageConv2d: functional.conv2d,
    ImageConvTranspose2d: functional.conv_transpose2d,
}


def image_layer_case(kind, channels, size, dtype=torch.float64):
    """A layer between images and 5 feature maps, its input, and both forms as functions of all."""
    torch.manual_seed(0)
    ends = (channels, 5) if kind is ImageConv2d else (5, channels)
    layer = kind(*ends).to(dtype)
    x = torch.randn(2, ends[0], *size, dtype=dtype)

    def fast(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    def plain(x, weight, bias):
        return PLAIN[kind](x, weight, bias, stride=2, padding=1)

    return fast, plain, [t.detach().requires_grad_() for t in (x, layer.weight, layer.bias)]


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(2, 2), (4, 6), (14, 10)])
def test_image_layers_and_their_derivatives_equal_torch_s(kind, channels, memory_format, size):
    fast, plain, inputs = image_layer_case(kind, channels, size)
    inputs[0] = inputs[0].detach().contiguous(memory_format=memory_format).requires_grad_()
    found = []
    for form in (fast, plain):
        output = form(*inputs)
        first = torch.autograd.grad((output**3).sum(), inputs, create_graph=True)
        second = torch.autograd.grad(sum((g**2).sum() for g in first), inputs)
        found.append([output, *first, *second])
    for ours, theirs in zip(*found, strict=True):
        assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", PLAIN)
def test_image_layers_differentiate_twice(kind):
    fast, _, inputs = image_layer_case(kind, 1, (2, 2))
    assert torch.autograd.gradcheck(fast, inputs)
    assert torch.autograd.gradgradcheck(fast, inputs)


@pytest.mark.parametrize("kind", PLAIN)
def test_image_layers_compute_in_single_precision_under_autocast(kind):
    fast, plain, inputs = image_layer_case(kind, 1, (6, 6), torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        output = fast(inputs[0].bfloat16(), *inputs[1:])
    assert output.dtype == torch.float32
    assert_close(output, plain(inputs[0].bfloat16().float(), *inputs[1:]))
    for ours, theirs in zip(
        torch.autograd.grad(output.sum(), inputs),
        torch.autograd.grad(plain(*inputs).sum(), inputs),
        strict=True,
    ):
        assert_close(ours, theirs, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("kind", PLAIN)
def test_exporters_get_image_layers_in_torch_s_form(kind):
    fast, plain, inputs = image_layer_case(kind, 1, (4, 4), torch.float32)

    class Layer(torch.nn.Module):
        def forward(self, x, weight, bias):
            return fast(x, weight, bias)

    program = torch.export.export(Layer(), tuple(inputs))
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert len(called) == 1
    assert "conv" in called.pop()
    assert_close(program.module()(*inputs), plain(*inputs))
