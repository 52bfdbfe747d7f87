"""One line proves that each part fits its place; the formulas are tested beside it."""

import pytest
import torch
from my_gan.bgan import Bgan
from my_gan.dense import Discriminator, Generator
from my_gan.drift import Drift
from my_gan.stripes import load_stripes

from gan_zoo.testing import (
    check_data,
    check_discriminator,
    check_generator,
    check_loss,
    check_regularizer,
)
from gan_zoo.testing.critics import Critic, Linear, samples, take_step


def test_the_loss_keeps_its_contract():
    check_loss(Bgan())


def test_the_regularizer_keeps_its_contract():
    check_regularizer(Drift())


def test_the_networks_keep_theirs():
    check_generator(Generator, image_shape=(1, 16, 16), num_classes=3)
    check_discriminator(Discriminator, image_shape=(1, 16, 16), num_classes=3)


def test_the_data_keep_theirs():
    check_data(load_stripes)


def test_bgan_is_what_its_formula_says():
    fake = torch.tensor([1.0, -3.0])
    assert Bgan(scale=2.0).generator(fake).item() == 10 / 2  # 2 / 2 * (1 + 9) / 2
    undecided = torch.zeros(4)
    expected = pytest.approx(2 * torch.log(torch.tensor(2.0)).item())
    assert Bgan().discriminator(undecided, undecided).item() == expected


def test_drift_is_the_mean_square_of_the_real_scores():
    step = take_step(Critic(Linear([1.0, 0.0, 0.0])), *samples())
    # scores are the first coordinate + 0.3: 1.3, 0.3, -1.2, 1.0, 4.3
    expected = pytest.approx(0.1 * (1.69 + 0.09 + 1.44 + 1.0 + 18.49) / 5)
    assert Drift(weight=0.1).penalty(Critic(Linear([1.0, 0.0, 0.0])), step).item() == expected


def test_stripes_have_their_period_along_their_direction():
    train = load_stripes(samples=600).train
    images = train.images.float()
    for label, (down, across) in enumerate([(0, 8), (1, -1), (8, 0)]):  # to where it is the same
        mine = images[train.labels == label]
        moved = torch.roll(mine, (down, across), dims=(2, 3))
        differences = (mine - moved)[..., 1:-1, 1:-1].abs().mean()  # a roll wraps at the border
        assert differences < 10  # that of the noise; another phase: 60 and more


def test_no_two_stripes_are_the_same():
    images = load_stripes().train.images
    assert len(images.unique(dim=0)) == len(images)
