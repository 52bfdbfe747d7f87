"""InfoGAN's networks: sizes, formula, norms and refusals."""

import pytest
import torch
from torch.nn import functional

from gan_zoo.models.infogan import Discriminator, Generator

MNIST = {"image_shape": (1, 28, 28), "num_classes": 10}


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("width", [0.25, 1.0])
def test_parameters_of_the_generator(width):
    dense, first, second = (round(size * width) for size in (1024, 128, 64))
    base = 7 * 7 * first
    weights = 110 * dense + dense * base + first * second * 16 + second * 16 + 1
    norms = 2 * (dense + base + second)  # gain and bias, instead of the layers' own biases
    assert count(Generator(**MNIST, width=width)) == weights + norms


@pytest.mark.parametrize("width", [0.25, 1.0])
@pytest.mark.parametrize("norm", ["layer", "none", "spectral"])
def test_parameters_of_the_discriminator(width, norm):
    """Layer norm has no parameters: weight clipping would cut a gain."""
    first, second, dense = (round(size * width) for size in (64, 128, 1024))
    weights = first * 16 + first * second * 16 + second * 7 * 7 * dense + dense * 11
    biases = first + second + dense + 11
    assert count(Discriminator(**MNIST, width=width, norm=norm)) == weights + biases


def test_the_default_generator_computes_its_formula():
    torch.manual_seed(0)
    generator = Generator(**MNIST).double()
    z, labels = torch.rand(6, 100, dtype=torch.float64) * 2 - 1, torch.tensor([0, 3, 3, 9, 1, 5])
    weights = dict(generator.named_parameters())

    def normalised(h, name):
        dims = [0, *range(2, h.dim())]
        mean = h.mean(dims, keepdim=True)
        var = h.var(dims, unbiased=False, keepdim=True)
        shape = (1, -1, *[1] * (h.dim() - 2))
        h = (h - mean) / (var + 1e-5).sqrt()
        return h * weights[f"{name}.weight"].view(shape) + weights[f"{name}.bias"].view(shape)

    h = torch.cat([z, functional.one_hot(labels, 10).double()], 1)
    h = normalised(h @ weights["dense1.weight"].T, "norm1").relu()
    h = normalised(h @ weights["dense2.weight"].T, "norm2").relu()
    h = h.view(6, 7, 7, 32).permute(0, 3, 1, 2)
    h = functional.conv_transpose2d(h, weights["conv1.weight"], stride=2, padding=1)
    h = normalised(h, "norm3").relu()
    h = functional.conv_transpose2d(h, weights["conv2.weight"], weights["conv2.bias"], 2, 1)
    torch.testing.assert_close(generator(z, labels), h.tanh(), rtol=0, atol=1e-10)


def test_the_default_discriminator_computes_its_formula():
    torch.manual_seed(0)
    discriminator = Discriminator(**MNIST).double()
    images = torch.rand(5, 1, 28, 28, dtype=torch.float64) * 2 - 1
    weights = dict(discriminator.named_parameters())

    def normalised(h):
        dims = list(range(1, h.dim()))
        centred = h - h.mean(dims, keepdim=True)
        return centred / (centred.square().mean(dims, keepdim=True) + 1e-5).sqrt()

    def leaky(h):
        return torch.where(h > 0, h, 0.2 * h)

    h = leaky(functional.conv2d(images, weights["conv1.weight"], weights["conv1.bias"], 2, 1))
    h = functional.conv2d(h, weights["conv2.weight"], weights["conv2.bias"], 2, 1)
    h = leaky(normalised(h)).permute(0, 2, 3, 1).reshape(5, -1)
    h = leaky(normalised(h @ weights["dense.weight"].T + weights["dense.bias"]))
    scores, logits = discriminator(images)
    expected = h @ weights["score_head.weight"].T + weights["score_head.bias"]
    torch.testing.assert_close(scores, expected[:, 0], rtol=0, atol=1e-10)
    expected = h @ weights["class_head.weight"].T + weights["class_head.bias"]
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("norm", "alone"), [("layer", True), ("none", True), ("batch", False)])
def test_only_batch_norm_makes_a_score_depend_on_other_images(norm, alone):
    torch.manual_seed(0)
    discriminator, images = Discriminator(**MNIST, norm=norm), torch.rand(4, 1, 28, 28)
    other = torch.cat([images[:1], torch.rand(3, 1, 28, 28)])
    same = torch.allclose(discriminator(images)[0][0], discriminator(other)[0][0], atol=1e-5)
    assert same == alone


def test_spectral_norm_bounds_all_but_the_class_head():
    torch.manual_seed(0)
    discriminator = Discriminator(**MNIST, norm="spectral")
    for _ in range(50):  # power iterations
        discriminator(torch.rand(2, 1, 28, 28))
    discriminator.eval()
    for layer in (discriminator.conv1, discriminator.conv2, discriminator.dense):
        largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
        assert largest == pytest.approx(1, abs=0.02)
    assert not hasattr(discriminator.class_head, "parametrizations")


@pytest.mark.parametrize("shape", [(2,), (1, 28, 30), (1, 27, 28)])
@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_refuses_samples_that_do_not_fit(network, shape):
    with pytest.raises(ValueError, match=r"multiples of 4.*resize.*pad it"):
        network(image_shape=shape, num_classes=10)


@pytest.mark.parametrize("network", [Generator, Discriminator])
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"width": 0.0}, "width must be above 0, got 0.0"),
        ({"norm": "instance"}, "norm must be one of .*got 'instance'"),
    ],
)
def test_refuses_options_out_of_range(network, option, message):
    with pytest.raises(ValueError, match=message):
        network(**MNIST, **option)
