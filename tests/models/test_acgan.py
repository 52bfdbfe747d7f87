"""The source document's networks: sizes, ranges, initial weights."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from gan_zoo.models import mlp
from gan_zoo.models.acgan import Discriminator, Generator

MNIST = {"image_shape": (1, 28, 28), "num_classes": 10}


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_full_width_has_the_document_s_number_of_parameters():
    assert count(Generator(**MNIST)) == 8_172_521
    assert count(Discriminator(**MNIST)) == 939_787
    assert count(Discriminator(**MNIST, strides=(2, 1, 2, 1))) == 525_835


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (2, 8, 12)])
def test_shapes(shape):
    generator = Generator(image_shape=shape, num_classes=7, width=0.05)
    discriminator = Discriminator(image_shape=shape, num_classes=7, width=0.1)
    images = generator(torch.rand(5, 100), torch.tensor([0, 6, 3, 1, 1]))
    assert images.shape == (5, *shape)
    assert images.abs().max() <= 1
    scores, class_logits = discriminator(images)
    assert scores.shape == (5,)
    assert class_logits.shape == (5, 7)


def test_scores_and_logits_are_raw():
    torch.manual_seed(0)
    discriminator = Discriminator(**MNIST, width=0.125).eval()
    scores, class_logits = discriminator(100 * torch.randn(50, 1, 28, 28))
    assert scores.max() > 1
    assert scores.min() < -1
    assert class_logits.min() < -1
    assert not torch.allclose(class_logits.exp().sum(1), torch.ones(50))


def test_generator_multiplies_latent_and_label_embedding():
    torch.manual_seed(0)
    generator = Generator(**MNIST, width=0.05)
    z, labels = torch.rand(5, 100), torch.tensor([0, 1, 2, 3, 9])
    seen = []
    generator.dense1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    generator(z, labels)
    torch.testing.assert_close(seen[0], z * generator.embedding.weight[labels])


def plain_generator(g: Generator, z, labels):
    """The architecture's definition, in torch's own layers."""
    hidden = functional.relu(functional.linear(z * g.embedding.weight[labels], *pair(g.dense1)))
    hidden = functional.relu(functional.linear(hidden, *pair(g.dense2)))
    hidden = hidden.view(len(z), *g.base_shape)
    for layer in (g.conv1, g.conv2):
        up = functional.interpolate(hidden, scale_factor=2, mode="nearest")
        hidden = functional.relu(functional.conv2d(up, *pair(layer), padding=2))
    hidden = functional.pad(hidden, (0, 1, 0, 1))
    return torch.tanh(functional.conv2d(hidden, *pair(g.conv3)))


def plain_discriminator(d: Discriminator, images):
    hidden = images
    for layer in (m for m in d.trunk if isinstance(m, nn.Conv2d)):
        extra = (1, 1, 1, 1) if layer.stride[0] == 1 else (0, 1, 0, 1)  # TensorFlow's, even sizes
        hidden = functional.conv2d(functional.pad(hidden, extra), *pair(layer), layer.stride)
        hidden = functional.leaky_relu(hidden, 0.3)
    hidden = hidden.flatten(1)
    score = functional.linear(hidden, *pair(d.score_head))[:, 0]
    return score, functional.linear(hidden, *pair(d.class_head))


def pair(layer):
    return layer.weight, layer.bias


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_fast_forms_have_the_plain_networks_values_and_gradients(memory_format):
    torch.manual_seed(0)
    generator = Generator(**MNIST, width=0.05).double().to(memory_format=memory_format)
    discriminator = Discriminator(**MNIST, width=0.1, dropout=0.0).double()
    discriminator.to(memory_format=memory_format)
    z, labels = torch.rand(3, 100, dtype=torch.float64), torch.tensor([0, 3, 9])
    parameters = [*generator.parameters(), *discriminator.parameters()]
    results = []
    for g, d in (
        (generator, discriminator),
        (
            lambda *a: plain_generator(generator, *a),
            lambda x: plain_discriminator(discriminator, x),
        ),
    ):
        images = g(z, labels)
        scores, logits = d(images)
        total = scores.square().sum() + functional.cross_entropy(logits, labels)
        results.append([images, scores, logits, *torch.autograd.grad(total, parameters)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_penalties_second_derivatives_are_the_plain_network_s():
    torch.manual_seed(0)
    discriminator = Discriminator(**MNIST, width=0.1, dropout=0.0).double()
    discriminator.to(memory_format=torch.channels_last)
    images = torch.randn(3, 1, 28, 28, dtype=torch.float64, requires_grad=True)
    parameters = list(discriminator.adversarial_parameters())
    results = []
    for critic in (discriminator, lambda x: plain_discriminator(discriminator, x)):
        (slope,) = torch.autograd.grad(critic(images)[0].sum(), images, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        wanted = torch.autograd.grad(penalty, parameters, allow_unused=True)
        results.append([slope, *(g for g in wanted if g is not None and g.any())])
    assert len(results[0]) == len(results[1]) > 5
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_initial_weights_are_glorot_s():
    torch.manual_seed(0)
    generator, discriminator = Generator(**MNIST), Discriminator(**MNIST)
    # Glorot: variance 2 / (fan_in + fan_out); normal for the generator's convolutions and the
    # embedding, uniform (largest value sqrt(3) standard deviations) for everything else.
    for weight, fans in (
        (generator.conv1.weight, 25 * (128 + 256)),
        (generator.embedding.weight, 10 + 100),
        (generator.dense1.weight, 100 + 1024),
        (discriminator.trunk[4].weight, 9 * (64 + 128)),
    ):
        std = (2 / fans) ** 0.5
        assert abs(weight.std().item() / std - 1) < 0.1
    assert generator.conv1.weight.abs().max() > 3 * (2 / (25 * 384)) ** 0.5
    assert generator.dense1.weight.abs().max() <= (6 / (100 + 1024)) ** 0.5
    assert discriminator.trunk[4].weight.abs().max() <= (6 / (9 * 192)) ** 0.5
    biases = [p for n, p in generator.named_parameters() if n.endswith("bias")]
    assert all(not bias.any() for bias in biases)


def test_adversarial_parameters_leave_the_class_head_out():
    discriminator = Discriminator(**MNIST, width=0.125)
    of_head = {id(p) for p in discriminator.class_head.parameters()}
    adversarial = {id(p) for p in discriminator.adversarial_parameters()}
    assert adversarial | of_head == {id(p) for p in discriminator.parameters()}
    assert not adversarial & of_head


def test_spectral_norm_bounds_the_trunk_s_singular_values():
    torch.manual_seed(0)
    discriminator = Discriminator(**MNIST, width=0.125, norm="spectral")
    for _ in range(50):  # one power iteration a forward pass
        discriminator(torch.randn(2, 1, 28, 28))
    discriminator.eval()
    layers = [
        *(m for m in discriminator.trunk if isinstance(m, nn.Conv2d)),
        discriminator.score_head,
    ]
    for layer in layers:
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert abs(largest - 1) < 0.02
    assert count(discriminator) == count(Discriminator(**MNIST, width=0.125))


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (Generator, {"image_shape": (1, 27, 28), "num_classes": 10}, "multiples of 4"),
        (Generator, {**MNIST, "width": 0}, "width must be above 0, got 0"),
        (Discriminator, {**MNIST, "strides": (2, 1)}, "one stride for each"),
        (Discriminator, {**MNIST, "strides": (2, 1, 0, 1)}, "strides must be from 1 to 16, got 0"),
        (Discriminator, {**MNIST, "dropout": 1.0}, "dropout must be from 0 .* got 1.0"),
    ],
)
def test_values_out_of_range_are_refused(network, options, message):
    with pytest.raises(ValueError, match=message):
        network(**options)


@pytest.mark.parametrize("network", [Discriminator, mlp.Discriminator])
def test_refuses_a_norm_that_it_does_not_have(network):
    with pytest.raises(
        ValueError, match=r"discriminator\.norm must be one of none, spectral, got 'batch'"
    ):
        network(**MNIST, norm="batch")
