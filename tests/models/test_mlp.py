"""The testbeds' networks: shapes, formulas, and what a score depends on."""

import pytest
import torch

from gan_zoo.models.affine import AffineGenerator, DiracDiscriminator, DiracGenerator, LineGenerator
from gan_zoo.models.mlp import Discriminator, Generator

LABELS = torch.tensor([0, 1, 2, 0, 1])
Z = torch.tensor([[-1.5, 0.3], [0.0, 2.0], [0.7, -0.2], [1.1, 1.2], [-0.4, 0.9]])


def by_hand(network, head, x, activation):
    for layer in network.trunk[::2]:
        x = activation(x @ layer.weight.T + layer.bias)
    return x @ head.weight.T + head.bias


def test_the_generator_is_what_its_formula_says():
    torch.manual_seed(0)
    network = Generator(image_shape=(3,), num_classes=3, hidden=(7, 5), activation="tanh")
    assert network.latent_dim == 2
    expected = by_hand(network, network.out, Z, torch.tanh)
    torch.testing.assert_close(network(Z, LABELS), expected)
    assert Generator(image_shape=(1, 4, 6), num_classes=3)(Z, LABELS).shape == (5, 1, 4, 6)


@pytest.mark.parametrize(
    ("name", "activation"),
    [("relu", torch.relu), ("tanh", torch.tanh), ("leaky_relu", lambda x: x.where(x > 0, 0.2 * x))],
)
def test_the_critic_is_what_its_formula_says(name, activation):
    torch.manual_seed(0)
    critic = Discriminator(image_shape=(2,), num_classes=4, hidden=(7, 5), activation=name)
    output = critic(Z)
    expected = by_hand(critic, critic.score_head, Z, activation).squeeze(1)
    torch.testing.assert_close(output.scores, expected)
    assert output.class_logits.shape == (5, 4)


def test_spectral_norm_bounds_the_slope():
    torch.manual_seed(0)
    critic = Discriminator(image_shape=(2,), num_classes=4, norm="spectral")
    for _ in range(50):
        critic(Z)  # power iterations
    points = Z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(points).scores.sum(), points)
    assert slope.norm(dim=1).max() <= 1 + 1e-3


def test_affine():
    network = AffineGenerator(image_shape=(1,), num_classes=2, mu=-3.0, sigma=0.5)
    assert sum(p.numel() for p in network.parameters()) == 2
    z = torch.tensor([[0.0], [2.0], [-1.0], [0.5], [4.0]])
    expected = torch.tensor([[-3.0], [-2.0], [-3.5], [-2.75], [-1.0]])
    torch.testing.assert_close(network(z, LABELS), expected)


def test_dirac():
    generator = DiracGenerator(image_shape=(1,), num_classes=1, theta=0.7)
    critic = DiracDiscriminator(image_shape=(1,), num_classes=1, psi=-2.0)
    torch.testing.assert_close(generator(Z[:, :1], LABELS), torch.full((5, 1), 0.7))
    output = critic(Z[:, :1])
    torch.testing.assert_close(output.scores, -2 * Z[:, 0])
    assert output.class_logits.shape == (5, 1)
    assert list(critic.adversarial_parameters()) == [critic.psi]


def test_values_out_of_range():
    shape = {"image_shape": (2,), "num_classes": 3}
    with pytest.raises(ValueError, match="one of relu, tanh, leaky_relu, got 'swish'"):
        Generator(**shape, activation="swish")
    with pytest.raises(ValueError, match=r"hidden must be .*got \[\]"):
        Discriminator(**shape, hidden=[])
    with pytest.raises(ValueError, match=r"hidden must be .*got \[8, 0\]"):
        Discriminator(**shape, hidden=[8, 0])
    with pytest.raises(ValueError, match=r"sigma must be .*above 0, got 0"):
        AffineGenerator(**shape, sigma=0.0)


def test_line():
    generator = LineGenerator(image_shape=(2,), num_classes=1, theta=0.5)
    assert generator.latent_dim == 1
    points = generator(torch.tensor([[0.1], [0.9]]), torch.zeros(2, dtype=torch.int64))
    assert points.tolist() == [[0.5, pytest.approx(0.1)], [0.5, pytest.approx(0.9)]]
    points[:, 0].sum().backward()
    assert generator.theta.grad.item() == 2
    for shape, theta, what in (((1,), 1.0, "two dimensions"), ((2,), float("nan"), "theta is nan")):
        with pytest.raises(ValueError, match=what):
            LineGenerator(image_shape=shape, num_classes=1, theta=theta)
