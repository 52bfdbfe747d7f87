"""The Wasserstein loss: means, scale, indifference to the origin."""

import torch

from gan_zoo.losses.wgan import Wgan

REAL = torch.tensor([1.0, 2.0, -1.0, 5.0, -9.0])
FAKE = torch.tensor([1.0, -3.0, 0.5, 0.0, 8.0])


def test_values():
    torch.testing.assert_close(Wgan().discriminator(REAL, FAKE), torch.tensor(1.3 - -0.4))
    torch.testing.assert_close(Wgan().generator(FAKE), torch.tensor(-1.3))


def test_discriminator_ignores_the_origin_and_follows_the_scale():
    loss = Wgan().discriminator(REAL, FAKE)
    torch.testing.assert_close(Wgan().discriminator(REAL + 7, FAKE + 7), loss)
    torch.testing.assert_close(Wgan().discriminator(3 * REAL, 3 * FAKE), 3 * loss)


def test_on_a_line_the_best_slope_one_critic_measures_the_distance():
    """Points moved by 2.5 to the left: W1 is 2.5, and the critic x -> x attains it."""
    positions = torch.tensor([0.0, 1.0, 4.0, -2.0, 3.0])
    torch.testing.assert_close(-Wgan().discriminator(positions, positions - 2.5), torch.tensor(2.5))
