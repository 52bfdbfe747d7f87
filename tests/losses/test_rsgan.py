"""The paired relativistic loss, and R3GAN as that loss with two penalties."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from gan_zoo.losses.rsgan import RsGan
from gan_zoo.regularizers.none import Unregularized
from gan_zoo.regularizers.r1_r2 import R1R2
from gan_zoo.training.build import build_trainer

REAL = torch.tensor([0.0, 2.0, -1.0, 5.0, -9.0], dtype=torch.float64)
FAKE = torch.tensor([1.0, -3.0, 0.5, 0.0, 8.0], dtype=torch.float64)


def test_is_the_log_probability_that_real_beats_fake():
    expected = -torch.sigmoid(REAL - FAKE).log().mean()
    torch.testing.assert_close(RsGan().discriminator(REAL, FAKE), expected)


def test_generator_swaps_the_roles():
    expected = RsGan().discriminator(FAKE, REAL)
    torch.testing.assert_close(RsGan().generator(FAKE, REAL), expected)
    assert RsGan().generator(FAKE, REAL) != RsGan().discriminator(REAL, FAKE)


def test_undecided_values():
    zeros = torch.zeros(5, dtype=torch.float64)
    assert RsGan().discriminator(zeros, zeros).item() == pytest.approx(math.log(2))


def test_pairs_matter():
    assert RsGan().discriminator(REAL, FAKE) != RsGan().discriminator(REAL, FAKE.flip(0))


def test_r3gan_is_this_loss_with_another_regularizer():
    conf = Path(__file__).parents[2] / "conf" / "loss"
    assert OmegaConf.load(conf / "r3gan.yaml").loss == OmegaConf.load(conf / "rsgan.yaml").loss


def test_r3gan_at_zero_penalty_trains_as_this_loss_alone(tiny_parts):
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
