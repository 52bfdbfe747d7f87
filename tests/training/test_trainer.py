"""The training step: which network is updated when and on what; variants differ in nothing else."""

import hashlib
import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy

from gan_zoo.config.schema import AuxiliarySettings
from gan_zoo.losses.bce import Bce
from gan_zoo.losses.lsgan import Lsgan
from gan_zoo.losses.wgan import Wgan
from gan_zoo.regularizers.gradient_penalties import R1, R1R2, Dragan, GradientPenalty
from gan_zoo.regularizers.none import Unregularized
from gan_zoo.training.build import build_trainer
from gan_zoo.training.objective import Objective
from gan_zoo.types import CriticOutput, DivergenceError


def fingerprint(*tensors: torch.Tensor) -> str:
    return hashlib.sha256(b"".join(t.detach().numpy().tobytes() for t in tensors)).hexdigest()


def weights(network: torch.nn.Module) -> str:
    return fingerprint(*network.parameters())


def with_settings(parts, **changes):
    return replace(parts, trainer=replace(parts.trainer, **changes))


def test_d_s_update_leaves_g_alone_and_g_s_update_leaves_d_alone(tiny_parts):
    trainer = build_trainer(tiny_parts)
    before_g, before_d = weights(trainer.generator), weights(trainer.discriminator)
    trainer.discriminator_backward(trainer.discriminator_batches.next())
    assert all(p.grad is None for p in trainer.generator.parameters())
    trainer.discriminator_update()
    assert weights(trainer.generator) == before_g
    after_d = weights(trainer.discriminator)
    assert after_d != before_d
    gradients = fingerprint(*(p.grad for p in trainer.discriminator.parameters()))
    trainer.generator_backward()
    trainer.generator_optimizer.step()
    assert weights(trainer.discriminator) == after_d
    assert fingerprint(*(p.grad for p in trainer.discriminator.parameters())) == gradients
    assert weights(trainer.generator) != before_g


@pytest.mark.parametrize(
    ("n_critic", "turns"),
    [(1, [1, 2, 3, 4, 5, 6]), (2, [0, 1, 1, 2, 2, 3]), (3, [0, 0, 1, 1, 1, 2])],
)
def test_g_moves_after_every_n_critic_updates_of_d(tiny_parts, n_critic, turns):
    trainer = build_trainer(with_settings(tiny_parts, n_critic=n_critic))
    seen = []
    for number in range(6):
        trainer.step()
        seen.append(trainer.generator_updates)
        assert trainer.discriminator_updates == number + 1
    assert seen == turns


def test_the_constraint_acts_after_d_s_update_only(tiny_parts):
    events = []

    class Spy:
        needs_image_gradients = penalises_gradients = differentiates_twice = False

        def penalty(self, discriminator, step):
            events.append("penalty")
            return torch.zeros(())

        def constrain(self, discriminator):
            events.append(("constrain", weights(discriminator)))

    trainer = build_trainer(replace(tiny_parts, regularizer=Spy()))
    before = weights(trainer.discriminator)
    trainer.step()
    assert events[0] == "penalty"
    assert [event[0] for event in events[1:]] == ["constrain"]
    assert events[1][1] != before  # D had already moved


def test_a_penalty_gets_leaves_that_the_scores_depend_on(tiny_parts):
    class Squared:
        needs_image_gradients = penalises_gradients = differentiates_twice = True

        def penalty(self, discriminator, step):
            assert step.real.images.is_leaf
            assert step.fake.images.is_leaf
            (gradient,) = torch.autograd.grad(
                step.real_scores.sum(), step.real.images, create_graph=True
            )
            (of_fake,) = torch.autograd.grad(
                step.fake_scores.sum(), step.fake.images, retain_graph=True
            )
            assert of_fake.abs().sum() > 0
            return gradient.square().flatten(1).sum(1).mean()

        def constrain(self, discriminator):
            pass

    trainer = build_trainer(replace(tiny_parts, regularizer=Squared()))
    trainer.step()
    assert trainer.collect()["discriminator_train_penalty"] > 0


def test_simultaneous_takes_both_gradients_at_the_old_point(tiny_parts):
    # One step from the same start: G's gradient must be the one at D before its update.
    gradients = {}
    for simultaneous in (True, False):
        trainer = build_trainer(with_settings(tiny_parts, simultaneous=simultaneous))
        trainer.discriminator.eval()  # no dropout: the two must differ by D's update alone
        old = build_trainer(tiny_parts)
        old.discriminator.eval()
        trainer.step()
        gradients[simultaneous] = fingerprint(*(p.grad for p in trainer.generator.parameters()))
        old.generator_backward()
        expected = fingerprint(*(p.grad for p in old.generator.parameters()))
        assert trainer.discriminator_updates == trainer.generator_updates == 1
    assert gradients[True] == expected
    assert gradients[False] != expected


def test_the_class_loss_is_summed_over_real_and_fake_as_in_the_paper():
    torch.manual_seed(0)
    real, fake = (CriticOutput(torch.randn(6), torch.randn(6, 3)) for _ in range(2))
    real_labels, fake_labels = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([2, 2, 0, 1, 1, 0])
    on_real, on_fake = (
        -torch.log_softmax(output.class_logits, 1)[range(6), labels].mean()
        for output, labels in ((real, real_labels), (fake, fake_labels))
    )
    for with_fakes, expected in ((True, on_real + on_fake), (False, on_real)):
        objective = Objective(Bce(), None, AuxiliarySettings(on_fake=with_fakes))
        _, auxiliary = objective.discriminator(real, fake, real_labels, fake_labels)
        torch.testing.assert_close(auxiliary, expected)
    _, of_g = objective.generator(fake, None, fake_labels)
    torch.testing.assert_close(of_g, cross_entropy(fake.class_logits, fake_labels))


def test_the_class_loss_s_weights_enter_the_total(tiny_parts):
    aux = AuxiliarySettings(weight_d=3.0, weight_g=0.5)
    trainer = build_trainer(replace(tiny_parts, aux=aux))
    trainer.step()
    means = trainer.collect()
    for network, weight in (("discriminator", 3.0), ("generator", 0.5)):
        parts = [means[f"{network}_train_{part}"] for part in ("loss", "generation", "auxiliary")]
        assert parts[0] == pytest.approx(parts[1] + weight * parts[2], rel=1e-6)


@pytest.mark.parametrize("other", [Wgan(), Lsgan()])
def test_changing_only_the_loss_changes_no_weight_no_batch_and_no_latent(tiny_parts, other):
    def start(parts):
        trainer = build_trainer(parts)
        start_weights = (weights(trainer.generator), weights(trainer.discriminator))
        batches, latents = [], []
        next_batch, draw = trainer.discriminator_batches.next, trainer.draw
        trainer.discriminator_batches.next = lambda: batches.append(next_batch()) or batches[-1]
        trainer.draw = lambda *a: latents.append(draw(*a)) or latents[-1]
        for _ in range(15):  # more than an epoch
            trainer.step()
        return start_weights, *(
            [fingerprint(*item) for item in items] for items in (batches, latents)
        )

    assert start(tiny_parts) == start(replace(tiny_parts, loss=other))


def test_n_critic_moves_none_of_d_s_latents(tiny_parts):
    def latents_of_d(parts):
        trainer = build_trainer(parts)
        fakes, drawn = trainer.fakes, []
        trainer.fakes = lambda *a: drawn.append(fakes(*a)) or drawn[-1]
        for _ in range(6):
            trainer.step()
        return [fingerprint(batch.labels) for batch in drawn]

    assert latents_of_d(tiny_parts) == latents_of_d(with_settings(tiny_parts, n_critic=3))


def test_seeds_differ(tiny_parts):
    first, second = build_trainer(tiny_parts), build_trainer(replace(tiny_parts, seed=1))
    assert weights(first.generator) != weights(second.generator)
    assert fingerprint(*first.discriminator_batches.next()) != fingerprint(
        *second.discriminator_batches.next()
    )


@pytest.mark.parametrize("bad_at", [1, 4])
def test_a_loss_that_is_not_finite_raises_with_its_step_and_name(tiny_parts, bad_at):
    calls = []

    class Broken(Bce):
        def discriminator(self, real, fake):
            calls.append(None)
            value = super().discriminator(real, fake)
            return value * float("nan") if len(calls) == bad_at else value

    trainer = build_trainer(replace(tiny_parts, loss=Broken()))
    for _ in range(6):
        trainer.step()
    with pytest.raises(DivergenceError) as told:
        trainer.collect()
    assert told.value.step == bad_at
    assert told.value.quantity == "discriminator_train_loss"


def test_g_s_divergence_is_reported_at_d_s_update(tiny_parts):
    class Broken(Bce):
        def generator(self, fake, real=None):
            return super().generator(fake, real) * float("inf")

    trainer = build_trainer(with_settings(replace(tiny_parts, loss=Broken()), n_critic=3))
    for _ in range(3):  # D's next update would see G's broken weights
        trainer.step()
    with pytest.raises(DivergenceError) as told:
        trainer.collect()
    assert (told.value.step, told.value.quantity) == (3, "generator_train_loss")


def test_collect_averages_since_the_last_time(tiny_parts):
    def means(collect_after):
        trainer, pieces = build_trainer(tiny_parts), []
        torch.manual_seed(0)  # dropout
        for number in range(1, 5):
            trainer.step()
            if number in collect_after:
                pieces.append(trainer.collect())
        return pieces

    (whole,) = means({4})
    single = means({1, 2, 3, 4})
    assert len({piece["discriminator_train_loss"] for piece in single}) == 4
    for name, value in whole.items():
        found = [piece[name] for piece in single if not math.isnan(piece[name])]
        # of every 25 updates, only the first is compared with the weights' size
        assert len(found) == (1 if name.startswith("update_ratio") else 4)
        assert value == pytest.approx(sum(found) / len(found), rel=1e-5, abs=1e-6)


def test_gradient_clipping_bounds_the_norm_and_reports_the_one_before(tiny_parts):
    trainer = build_trainer(with_settings(tiny_parts, gradient_clip=0.01))
    trainer.discriminator_backward(trainer.discriminator_batches.next())
    squares = sum(p.grad.square().sum() for p in trainer.discriminator.parameters())
    assert squares.sqrt().item() == pytest.approx(0.01, rel=1e-3)
    trainer.discriminator_updates = 1
    assert trainer.collect()["gradient_norm_discriminator"] > 0.02


def test_learning_rates_fall_linearly_over_the_last_share_of_the_updates(tiny_parts):
    trainer = build_trainer(with_settings(tiny_parts, epochs=2, max_steps=4, lr_decay=0.5))
    rates = []
    for _ in range(8):
        trainer.step()
        groups = (*trainer.discriminator_optimizer.param_groups,
                  *trainer.generator_optimizer.param_groups)  # fmt: skip
        rates.append([group["lr"] for group in groups])
    shares = [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]  # of 8 updates, the last 4 lead to 0
    assert rates == [[pytest.approx(1e-3 * share)] * 2 for share in shares]


def test_training_learns_the_classes(tiny_parts):
    trainer = build_trainer(tiny_parts)
    trainer.step()
    start = trainer.collect()["discriminator_train_auxiliary"]
    for _ in range(150):
        trainer.step()
    trainer.collect()
    trainer.step()
    assert trainer.collect()["discriminator_train_auxiliary"] < 0.5 * start


def test_update_ratios_are_the_relative_change_of_the_weights(tiny_parts):
    trainer = build_trainer(tiny_parts)
    networks = {"generator": trainer.generator, "discriminator": trainer.discriminator}

    def flat(network):
        return torch.cat([p.detach().flatten().clone() for p in network.parameters()])

    before = {name: flat(network) for name, network in networks.items()}
    trainer.step()
    found = trainer.collect()
    for name, network in networks.items():
        expected = (flat(network) - before[name]).norm() / before[name].norm()
        assert found[f"update_ratio_{name}"] == pytest.approx(expected.item(), rel=1e-5)
    assert found["score_gap"] == pytest.approx(found["score_real"] - found["score_fake"])


def test_the_average_follows_the_weights_and_changes_nothing_else(tiny_parts):
    """w_ema <- d w_ema + (1 - d) w after G's t-th update, d = min(decay, (1 + t) / (10 + t))."""
    decay = 0.5
    settings = replace(tiny_parts.trainer, ema_decay=decay)
    trainer, plain = build_trainer(replace(tiny_parts, trainer=settings)), build_trainer(tiny_parts)
    expected = [p.detach().clone() for p in trainer.generator.parameters()]
    for each in (trainer, plain):
        torch.manual_seed(0)
        for update in range(1, 13):
            each.step()
            if each is trainer:
                d = min(decay, (1 + update) / (10 + update))
                now = each.generator.parameters()
                expected = [
                    d * a + (1 - d) * b.detach() for a, b in zip(expected, now, strict=True)
                ]
    averaged = trainer.ema.parameters()
    for a, b in zip(averaged, expected, strict=True):
        torch.testing.assert_close(a, b)
    for a, b in zip(trainer.generator.parameters(), plain.generator.parameters(), strict=True):
        assert a.equal(b)


@pytest.mark.parametrize(
    ("regularizer", "sizes"),
    [
        (Unregularized(), [20]),
        (R1(), [20]),  # the loss's own scores are differentiated
        (R1R2(), [20]),
        (GradientPenalty(), [20, 10]),  # points that D has not seen
        (Dragan(), [20, 10]),
    ],
)
def test_a_penalty_needs_no_superfluous_forward_pass(tiny_parts, regularizer, sizes):
    trainer = build_trainer(replace(tiny_parts, regularizer=regularizer))
    seen = []
    trainer.discriminator.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    trainer.discriminator_backward(trainer.discriminator_batches.next())
    assert seen == sizes
