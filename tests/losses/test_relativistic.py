"""The relativistic losses: values, pairs and averages, and R3GAN as RSGAN with two penalties."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from gan_zoo.losses.relativistic import RaHinge, RaLsGan, RaSGan, RsGan
from gan_zoo.regularizers.gradient_penalties import R1R2
from gan_zoo.regularizers.none import Unregularized
from gan_zoo.training.build import build_trainer

REAL = torch.tensor([0.0, 2.0, -1.0, 5.0, -4.0], dtype=torch.float64)  # mean 0.4
FAKE = torch.tensor([1.0, -3.0, 0.5, 0.0, 8.0], dtype=torch.float64)  # mean 1.3
ALL = [RsGan(), RaSGan(), RaLsGan(), RaHinge()]


def close(found, expected):
    torch.testing.assert_close(found, torch.as_tensor(expected, dtype=found.dtype))


def test_rsgan_is_the_log_probability_that_real_beats_fake():
    close(RsGan().discriminator(REAL, FAKE), -torch.sigmoid(REAL - FAKE).log().mean())
    assert RsGan().discriminator(REAL, FAKE) != RsGan().discriminator(REAL, FAKE.flip(0))


def test_rasgan_is_cross_entropy_of_distances_from_the_other_mean():
    d_real, d_fake = torch.sigmoid(REAL - 1.3), torch.sigmoid(FAKE - 0.4)
    discriminator = -(d_real.log().mean() + (1 - d_fake).log().mean()) / 2
    close(RaSGan().discriminator(REAL, FAKE), discriminator)
    generator = -(d_fake.log().mean() + (1 - d_real).log().mean()) / 2
    close(RaSGan().generator(FAKE, REAL), generator)


def test_ralsgan_is_least_squares_to_one_and_minus_one():
    discriminator = (((REAL - 2.3) ** 2).mean() + ((FAKE + 0.6) ** 2).mean()) / 2
    close(RaLsGan().discriminator(REAL, FAKE), discriminator)
    generator = (((FAKE - 1.4) ** 2).mean() + ((REAL - 0.3) ** 2).mean()) / 2
    close(RaLsGan().generator(FAKE, REAL), generator)


def test_rahinge_by_hand():
    """D: reals miss 2.3 by 2.3, 0.3, 3.3, 0, 6.3; fakes exceed -0.6 by 1.6, 0, 1.1, 0.6, 8.6.

    G: fakes miss 1.4 by 0.4, 4.4, 0.9, 1.4, 0; reals exceed 0.3 by 0, 1.7, 0, 4.7, 0.
    """
    close(RaHinge().discriminator(REAL, FAKE), (12.2 + 11.9) / 10)
    close(RaHinge().generator(FAKE, REAL), (7.1 + 6.4) / 10)


@pytest.mark.parametrize("loss", ALL)
def test_generator_swaps_the_roles(loss):
    close(loss.generator(FAKE, REAL), loss.discriminator(FAKE, REAL))
    assert loss.generator(FAKE, REAL) != loss.discriminator(REAL, FAKE)


@pytest.mark.parametrize(
    ("loss", "undecided", "margin", "swapped"),
    [
        (RsGan(), math.log(2), 2.0, math.log1p(math.exp(2))),
        (RaSGan(), math.log(2), 2.0, math.log1p(math.exp(2))),
        (RaLsGan(), 1.0, 1.0, 4.0),
        (RaHinge(), 1.0, 2.0, 3.0),
    ],
)
def test_values_of_undecided_and_separated_scores(loss, undecided, margin, swapped):
    zeros, high = torch.zeros(5), torch.full((5,), margin)
    close(loss.discriminator(zeros, zeros), undecided)
    close(loss.generator(zeros, zeros), undecided)
    close(loss.discriminator(zeros, high), swapped)
    satisfied = 0.0 if undecided == 1 else math.log1p(math.exp(-2))
    close(loss.discriminator(high, zeros), satisfied)
    close(loss.generator(high, zeros), satisfied)


@pytest.mark.parametrize("loss", ALL)
def test_gradients_flow_through_the_means(loss):
    """Shifting all scores together changes nothing, so all gradients add up to zero."""
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    on_real, on_fake = torch.autograd.grad(loss.discriminator(real, fake), (real, fake))
    assert on_real.sum().item() + on_fake.sum().item() == pytest.approx(0, abs=1e-14)
    assert on_real.sum().abs() > 0.1


def test_r3gan_is_rsgan_with_another_regularizer():
    conf = Path(__file__).parents[2] / "conf" / "loss"
    assert OmegaConf.load(conf / "r3gan.yaml").loss == OmegaConf.load(conf / "rsgan.yaml").loss


def test_r3gan_at_zero_penalty_trains_as_rsgan(tiny_parts):
    """Both networks' weights after eight steps; 1e-30 is below the last digit of any gradient."""

    def trained(regularizer):
        trainer = build_trainer(replace(tiny_parts, loss=RsGan(), regularizer=regularizer))
        torch.manual_seed(0)  # dropout
        for _ in range(8):
            trainer.step()
        return torch.cat([
            p.detach().flatten()
            for network in (trainer.generator, trainer.discriminator)
            for p in network.parameters()
        ])  # fmt: skip

    alone = trained(Unregularized())
    torch.testing.assert_close(trained(R1R2(gamma=1e-30)), alone, rtol=1e-5, atol=1e-7)
    assert (trained(R1R2(gamma=1.0)) - alone).abs().max() > 1e-4
