"""Weight clipping: the box, and who is in it."""

import pytest
import torch

from gan_zoo.models.acgan import Discriminator
from gan_zoo.regularizers.weight_clip import WeightClip


def test_projects_onto_the_box_and_nothing_else(linear):
    critic = linear([0.5, -0.02, 0.001, 0.01, -0.009, -7.0])
    head = critic.class_head.weight.detach().clone()
    WeightClip(0.01).constrain(critic)
    expected = torch.tensor([0.01, -0.01, 0.001, 0.01, -0.009, -0.01], dtype=torch.float64)
    assert torch.equal(critic.score.w.detach(), expected)
    assert torch.equal(critic.class_head.weight, head)
    assert critic.score.w.requires_grad


def test_bounds_the_whole_critic_of_the_acgan_but_its_class_head():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        critic = Discriminator(image_shape=(1, 8, 8), num_classes=3, width=0.1)
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.add_(0.5)
    WeightClip(0.02).constrain(critic)
    for name, parameter in critic.named_parameters():
        bounded = bool((parameter.abs() <= 0.02).all())
        assert bounded == (not name.startswith("class_head")), name


def test_costs_nothing(linear, real, fake, take_step):
    critic = linear([0.5, -0.2, 0.1])
    assert WeightClip().penalty(critic, take_step(critic, real, fake)).item() == 0


@pytest.mark.parametrize("clip", [0.0, -0.01, float("nan")])
def test_refuses_empty_boxes(clip):
    with pytest.raises(ValueError, match=r"regularizer\.clip must be finite and above 0"):
        WeightClip(clip)
