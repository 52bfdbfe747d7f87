"""Discriminators that score several samples together."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from gan_zoo.config.preflight import check_packing
from gan_zoo.config.schema import TrainerSettings
from gan_zoo.losses.bce import Bce
from gan_zoo.losses.relativistic import RsGan
from gan_zoo.models import acgan, infogan, mlp
from gan_zoo.models.discriminator import MAX_PACKING, pack, scores_of_copies, unpack
from gan_zoo.regularizers.finite_differences import ApproximateR1
from gan_zoo.regularizers.gradient_penalties import R1
from gan_zoo.regularizers.none import Unregularized
from gan_zoo.testing.models import (
    DISCRIMINATOR_CONTRACTS,
    Built,
    treats_samples_apart_in_evaluation_mode,
)
from gan_zoo.training.build import build_trainer
from gan_zoo.types import Batch, CriticOutput, CriticStep

IMAGES, POINTS = (3, 12, 20), (2,)
NETWORKS = {
    "acgan": (partial(acgan.Discriminator, width=0.1), IMAGES),
    "infogan": (partial(infogan.Discriminator, width=0.1), IMAGES),
    "infogan spectral": (partial(infogan.Discriminator, width=0.1, norm="spectral"), IMAGES),
    "mlp": (mlp.Discriminator, POINTS),
}


@pytest.fixture(params=NETWORKS)
def make(request):
    network, shape = NETWORKS[request.param]
    return partial(network, image_shape=shape, num_classes=4), shape


@pytest.mark.parametrize("packing", [2, 3])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("contract", DISCRIMINATOR_CONTRACTS, ids=lambda c: c.__name__)
def test_keeps_the_contracts_but_that_samples_are_apart(contract, name, packing):
    network, shape = NETWORKS[name]
    built = Built(partial(network, packing=packing), shape, 4)
    if contract is treats_samples_apart_in_evaluation_mode:
        with pytest.raises(AssertionError):
            contract(built)
    else:
        contract(built)


def test_images_are_joined_along_the_channels_and_points_along_their_coordinates():
    images = torch.arange(4 * 3 * 2 * 2.0).reshape(4, 3, 2, 2)
    joined = pack(images, 2, training=True)
    assert joined.shape == (2, 6, 2, 2)
    assert torch.equal(joined[1], torch.cat([images[2], images[3]]))
    turned = images.to(memory_format=torch.channels_last)
    assert torch.equal(pack(turned, 2, training=True), joined)
    points = torch.arange(8.0).reshape(4, 2)
    assert torch.equal(pack(points, 2, training=True), torch.arange(8.0).reshape(2, 4))


def test_packs_of_one_change_nothing():
    images = torch.rand(5, 1, 4, 4)
    assert torch.equal(pack(images, 1, training=True), images)
    scores, logits = torch.rand(5), torch.rand(5, 3)
    assert all(map(torch.equal, unpack(scores, logits, 1, 5), (scores, logits)))
    colour = torch.rand(5, 3, 4, 4).to(memory_format=torch.channels_last)
    kept = pack(colour, 1, training=True)
    assert kept.is_contiguous(memory_format=torch.channels_last)
    assert kept.data_ptr() == colour.data_ptr()


def test_a_sample_has_its_pack_s_score_and_class_logits_of_its_own(make):
    factory, shape = make
    torch.manual_seed(0)
    network = factory(packing=3).eval()
    images = torch.rand(6, *shape)
    scores, logits = network(images)
    assert scores.tolist() == [scores[0].item()] * 3 + [scores[3].item()] * 3
    assert scores[0] != scores[3]
    assert logits.shape == (6, 4)
    assert len({tuple(row) for row in logits.tolist()}) == 6
    with torch.no_grad():  # the second of three gets outputs 4 to 7
        network.class_head.bias[4:8] += 1
    torch.testing.assert_close(
        network(images).class_logits - logits,
        torch.tensor([0.0, 1.0, 0.0] * 2)[:, None].expand(6, 4),
    )


def test_a_score_depends_on_every_sample_of_its_pack_and_on_no_other(make):
    factory, shape = make
    torch.manual_seed(0)
    network = factory(packing=2).eval()
    images = torch.rand(6, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(images).scores[3], images)
    touched = gradient.flatten(1).abs().sum(1) > 0
    assert touched.tolist() == [False, False, True, True, False, False]


@pytest.mark.parametrize("loss", [Bce(), RsGan()])
def test_a_loss_over_samples_is_that_over_packs(loss):
    real, fake = torch.rand(2, 4, dtype=torch.float64)
    logits = torch.zeros(4, 6)
    spread = [unpack(scores, logits, 2, 8).scores for scores in (real, fake)]
    torch.testing.assert_close(loss.discriminator(*spread), loss.discriminator(real, fake))
    torch.testing.assert_close(loss.generator(*spread[::-1]), loss.generator(fake, real))


def test_a_last_pack_is_completed_outside_training_and_refused_in_it(make):
    factory, shape = make
    torch.manual_seed(0)
    network = factory(packing=4)
    images = torch.rand(6, *shape)
    with pytest.raises(ValueError, match="multiple of the packing, 4, got 6"):
        network(images)
    network.eval()
    found = network(images)
    whole = network(torch.cat([images, images[:2]]))
    assert isinstance(found, CriticOutput)
    assert torch.equal(found.scores, whole.scores[:6])
    assert torch.equal(found.class_logits, whole.class_logits[:6])
    assert network(images[:1]).scores.shape == (1,)  # four copies of it


def test_scores_of_copies_are_of_each_sample_alone(make):
    factory, shape = make
    torch.manual_seed(0)
    network = factory(packing=2).eval()
    images = torch.rand(5, *shape)
    found = scores_of_copies(network, images)
    expected = [network(torch.stack([one, one])).scores[0] for one in images]
    torch.testing.assert_close(found, torch.stack(expected))


def test_an_approximate_penalty_is_that_of_packs():
    """Of a linear D of two points: the squared slope of a pack, |w|^2, not that of a sample."""
    critic = mlp.Discriminator(image_shape=(2,), num_classes=3, hidden=[1], packing=2)
    critic.trunk = nn.Sequential(critic.trunk[0])  # no activation
    nn.init.ones_(critic.score_head.weight)
    points = torch.rand(20_000, 2, generator=torch.Generator().manual_seed(0))
    batch = Batch(points, torch.zeros(20_000, dtype=torch.int64))
    scores = critic(points).scores
    step = CriticStep(batch, batch, scores, scores, torch.Generator().manual_seed(0))
    found = ApproximateR1(gamma=2.0).penalty(critic, step).item()
    assert found == pytest.approx(critic.trunk[0].weight.square().sum().item(), rel=0.05)


def test_a_batch_has_to_be_whole_packs():
    network = mlp.Discriminator(image_shape=(2,), num_classes=3, packing=3)
    for name in ("batch_size", "generator_batch_size"):
        sizes = {"batch_size": 60, "generator_batch_size": 60, name: 64}
        with pytest.raises(ValueError, match=rf"trainer\.{name} is 64; allowed: a multiple of .*3"):
            check_packing(TrainerSettings(**sizes), Unregularized(), network)


def test_refuses_gradients_of_single_samples_but_no_finite_differences():
    network = mlp.Discriminator(image_shape=(2,), num_classes=3, packing=2)
    with pytest.raises(ValueError, match="packing = 2 scores samples together: use"):
        check_packing(TrainerSettings(), R1(), network)
    check_packing(TrainerSettings(), ApproximateR1(), network)
    check_packing(TrainerSettings(), R1(), mlp.Discriminator(image_shape=(2,), num_classes=3))


@pytest.mark.parametrize("packing", [0, MAX_PACKING + 1])
def test_refuses_other_sizes(make, packing):
    factory, _ = make
    with pytest.raises(ValueError, match=rf"discriminator\.packing must be .*got {packing}"):
        factory(packing=packing)


def test_trains(tiny_parts):
    critic = partial(tiny_parts.discriminator, packing=2)
    trainer = build_trainer(replace(tiny_parts, discriminator=critic))
    for _ in range(3):
        trainer.step()
    trainer.collect()  # finite
