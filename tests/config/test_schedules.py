"""Options that change over a run: values, what may have a schedule, training and resuming."""

import math

import pytest
import torch
from omegaconf import OmegaConf

from gan_zoo import make_trainer
from gan_zoo.cli import train
from gan_zoo.cli.api import _composed
from gan_zoo.config.build import build, plain
from gan_zoo.config.schedules import OptionSchedule
from gan_zoo.training.build import build_trainer
from gan_zoo.types import ConfigurationError

SMALL = ["model.generator.width=0.02", "model.discriminator.width=0.05", "device=cpu",
         "trainer.batch_size=10", "trainer.generator_batch_size=10", "trainer.epochs=1",
         "trainer.max_steps=8", "evaluation.extractor=none"]  # fmt: skip
RING = ["data=ring", "data.samples=600", "model=mlp", "model.generator.hidden=[8]",
        "model.discriminator.hidden=[8]", "aux=none", "device=cpu", "trainer.epochs=1",
        "trainer.batch_size=10", "trainer.generator_batch_size=10",
        "trainer.max_steps=8"]  # fmt: skip


def schedule(**changes):
    return OptionSchedule(**{"path": ("a", "b"), "configured": 1.0, "start": 1.0, "end": 0.2,
                             **changes})  # fmt: skip


def test_values_in_closed_form():
    for share in (0.0, 0.1, 0.5, 0.73, 1.0):
        cosine = 0.2 + 0.8 * (1 + math.cos(math.pi * share)) / 2
        assert schedule().value(share) == pytest.approx(cosine, abs=1e-12)
        assert schedule(shape="linear").value(share) == pytest.approx(1 - 0.8 * share, abs=1e-12)
    half = schedule(until=0.5)
    assert half.value(0.25) == pytest.approx(0.6, abs=1e-12)
    assert half.value(0.5) == half.value(0.9) == pytest.approx(0.2, abs=1e-12)
    betas = schedule(configured=[0.0, 0.5], start=[0.0, 0.9], end=[0.0, 0.99])
    assert betas.value(0.5) == pytest.approx([0.0, 0.945], abs=1e-12)


def test_every_kind_of_option_follows_its_schedule():
    """One of the loss, the regularizer, both optimizers, the class loss and the trainer."""
    trainer = make_trainer([
        *RING, "loss=bce_smoothed", "regularizer=r1_lecam", "trainer.lr_decay=0.5",
        "+schedules.loss.smoothing={end: 0.0, shape: linear}",
        "+schedules.regularizer.parts.0.gamma={end: 2, shape: linear}",
        "+schedules.optimizer.discriminator.lr={start: 8e-3, end: 0, shape: linear}",
        "+schedules.optimizer.generator.betas={end: [0.5, 0.5], shape: linear}",
        "+schedules.aux.weight_d={start: 1, end: 0}",
        "+schedules.trainer.ema_decay={start: 0, end: 0.5, until: 0.5}",
    ])  # fmt: skip
    smoothing = trainer.objective.loss.smoothing
    for _ in range(7):  # updates 0 to 6 of 8
        trainer.step()
    assert trainer.objective.loss.smoothing == pytest.approx(smoothing * 2 / 8)
    assert trainer.objective.regularizer.parts[0].gamma == pytest.approx(10 - 8 * 6 / 8)
    (group,) = trainer.discriminator_optimizer.param_groups
    assert group["lr"] == pytest.approx(8e-3 * 2 / 8 * (2 / 8) / 0.5)  # times trainer.lr_decay's
    (group,) = trainer.generator_optimizer.param_groups
    assert group["betas"] == pytest.approx((0.5, 0.999 - 0.499 * 6 / 8))
    assert group["lr"] == pytest.approx(2e-3 * (2 / 8) / 0.5)
    assert trainer.objective.aux.weight_d == pytest.approx((1 + math.cos(math.pi * 6 / 8)) / 2)
    assert trainer.settings.ema_decay == 0.5


def test_a_step_computes_with_the_changed_option():
    """The same as a run in which the option has this value from the start."""
    scheduled, constant = (
        make_trainer([*RING, "loss=r1", "tuned=paper", f"regularizer.gamma={gamma}", *words])
        for gamma, words in ((10, ["+schedules.regularizer.gamma={start: 3, end: 3}"]), (3, []))
    )
    for trainer in (scheduled, constant):
        for _ in range(3):
            trainer.step()
    assert scheduled.collect() == constant.collect()


def test_trainers_of_the_same_parts_do_not_share_what_changes(tmp_path):
    words = [*RING, "loss=r1", "tuned=paper", "+schedules.regularizer.gamma={end: 1}"]
    with _composed(words, tmp_path, None) as (
        config,
        _,
    ):
        parts = build(config)
    first, second = build_trainer(parts), build_trainer(parts)
    for _ in range(4):
        first.step()
    assert first.objective.regularizer.gamma < second.objective.regularizer.gamma
    assert parts.regularizer.gamma == second.objective.regularizer.gamma == 10


def test_r3gan_s_schedules_on_the_default_network_resume_bit_for_bit():
    words = [*SMALL, "loss=r3gan", "schedules=r3gan", "trainer.lr_decay=0", "tuned=paper"]
    whole, broken, resumed = (make_trainer(words) for _ in range(3))
    for _ in range(8):
        whole.step()
    for _ in range(5):
        broken.step()
    state = broken.state_dict()
    torch.manual_seed(99)
    resumed.load_state_dict(state)
    for _ in range(3):
        resumed.step()
    for one, other in zip(
        whole.discriminator.state_dict().values(),
        resumed.discriminator.state_dict().values(),
        strict=True,
    ):
        assert torch.equal(one, other)
    assert whole.collect() == resumed.collect()
    share = 7 / 8
    weight = (1 - math.cos(math.pi * share)) / 2
    assert resumed.objective.regularizer.gamma == pytest.approx(1 - 0.9 * weight, abs=1e-12)
    for optimizer in (resumed.discriminator_optimizer, resumed.generator_optimizer):
        (group,) = optimizer.param_groups
        assert group["lr"] == pytest.approx(2e-4 - 1.5e-4 * weight, abs=1e-15)
        assert group["betas"] == pytest.approx((0.0, 0.9 + 0.09 * weight), abs=1e-12)


def test_instance_noise_falls_over_the_run():
    trainer = make_trainer([*RING, "loss=instance_noise", "tuned=paper"])
    for _ in range(7):
        trainer.step()
    assert trainer.discriminator.instance_noise == pytest.approx(0.1 * 2 / 8)


def test_refuses_finite_differences_with_instance_noise():
    for words in (
        ["loss=instance_noise", "regularizer=approx_r1"],
        [
            "loss=approx_r1", "+model.discriminator.instance_noise=0",
            "+schedules.model.discriminator.instance_noise={end: 0.1}",
        ],
    ):  # fmt: skip
        with pytest.raises(ValueError, match="instance noise is drawn for each: use"):
            make_trainer([*RING, *words, "tuned=paper"])


REFUSED = {
    "+schedules.regularizer.gama={end: 1}": "the configuration has no regularizer.gama",
    "+schedules.regularizer.gamma={end: -1}": "gamma must be finite and above 0",
    "+schedules.regularizer.gamma={end: 0}": "regularizer.gamma must be finite and above 0, got 0",
    "+schedules.regularizer.gamma={end: [1, 2]}": "allowed: a number, as the option's own 10",
    "+schedules.regularizer.gamma={end: 1, shape: exponential}": "allowed: cosine or linear",
    "+schedules.regularizer.gamma={end: 1, until: 0}": "allowed: above 0 to 1",
    "+schedules.regularizer.gamma={end: 1, form: cosine}": "has form; allowed: start, end, shape",
    "+schedules.regularizer.gamma=1": r"is 1; allowed: \{end: …\}",
    "+schedules.regularizer.gamma={}": "is empty: give it an end",
    "+schedules.trainer.batch_size={end: 3}": "no training step reads trainer.batch_size",
    "+schedules.model.discriminator.instance_noise={end: 3}": "has no model.discriminator.instance",
    "+schedules.model.generator.latent_dim={end: 3}": "no training step reads model",
    "+schedules.optimizer.generator.betas={end: 0.9}": "allowed: 2 numbers",
    "+schedules.optimizer.generator.lr={end: -1}": "optimizer.generator.lr must be at least 0",
    "+schedules.optimizer.generator.betas.1={end: 0.9}": "allowed: .*betas.* as a whole",
    "+schedules.optimizer.discriminator.fused={end: 0}": "allowed: an option that is a number",
    "+schedules.trainer.ema_decay={end: 1}": "trainer.ema_decay must be .*got 1",
    "+schedules.trainer.gradient_clip={end: 1}": "trainer.gradient_clip is None",
}


@pytest.mark.parametrize("word", REFUSED)
def test_refuses_what_no_step_could_follow(word):
    with pytest.raises(ConfigurationError, match=REFUSED[word]):
        make_trainer([*RING, "loss=r1", "tuned=paper", "optimizer=adam", word])


def test_refuses_a_whole_number_that_would_not_be_one():
    with pytest.raises(ConfigurationError, match=r"regularizer\.start must be an integer"):
        make_trainer([*RING, "loss=lecam", "+schedules.regularizer.start={end: 7}"])


def test_a_run_without_schedules_is_the_same_run_as_before_there_were_any(tmp_path):
    with _composed(RING, tmp_path, None) as (config, _):
        same = train.identity(config)
        assert "schedules" not in plain(config)
        before = OmegaConf.create(OmegaConf.to_container(config))
        del before["schedules"]
        assert train.identity(before) == same
        config.schedules = {"loss": {"smoothing": {"end": 0.1}}}
        assert train.identity(config) != same
