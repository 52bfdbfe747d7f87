"""What every regularizer has to fulfil; the files in conf/regularizer decide who takes part."""

from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

CONF = Path(__file__).parents[2] / "conf" / "regularizer"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
ACTIVE = {  # those that penalise from the first step on
    "dragan",
    "gradient_penalty",
    "lipschitz_penalty",
    "r1",
    "r1_lecam",
    "r1_r2",
    "r2",
    "wgan_div",
    "zero_centered_penalty",
}
FIRST_ORDER = {"none", "weight_clip", "lecam"}  # those that take no gradient by the images


def build(name):
    return instantiate(OmegaConf.load(CONF / f"{name}.yaml"), _convert_="all")


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def regularizer(name):
    return build(name)


def test_all_are_sorted_in():
    assert set(NAMES) == ACTIVE | FIRST_ORDER


def test_penalty_is_a_scalar_that_costs(name, regularizer, curved, real, fake, take_step):
    penalty = regularizer.penalty(curved, take_step(curved, real, fake))
    assert penalty.shape == ()
    assert (penalty.item() > 0) == (name in ACTIVE)


def test_facts_agree_with_what_is_done(name, regularizer, curved, real, fake, take_step):
    assert regularizer.penalises_gradients == (name not in FIRST_ORDER)
    assert regularizer.constrains_weights == (name == "weight_clip")
    step = take_step(curved, real, fake)
    if name in ACTIVE and not regularizer.needs_image_gradients:
        # needs no graph from the given scores to the images
        step = step._replace(
            real_scores=step.real_scores.detach(), fake_scores=step.fake_scores.detach()
        )
    regularizer.penalty(curved, step)
    assert len(curved.seen) == (
        name in ACTIVE and not regularizer.needs_image_gradients
    )  # at most one forward pass of its own


@pytest.mark.parametrize("name", sorted(ACTIVE))
def test_is_differentiable_in_the_critics_parameters(name, curved, real, fake, take_step):
    """Against finite differences; the random draws are repeated by the fixed seed."""

    def penalty(first, second):
        critic.score.first, critic.score.second = first, second
        return build(name).penalty(critic, take_step(critic, real, fake))

    critic = curved
    parameters = [p.detach().clone().requires_grad_() for p in critic.score.parameters()]
    for key in ("first", "second"):
        delattr(critic.score, key)  # from a parameter to a plain tensor that gradcheck may move
    assert torch.autograd.gradcheck(penalty, parameters)


@pytest.mark.parametrize("name", sorted(ACTIVE))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_is_finite_where_the_gradient_is_zero(name, dtype, linear, real, fake, take_step):
    critic = linear([0.0, 0.0, 0.0]).to(dtype)
    penalty = build(name).penalty(critic, take_step(critic, real.to(dtype), fake.to(dtype)))
    penalty.backward()
    assert penalty.isfinite()
    assert critic.score.w.grad.isfinite().all()


@pytest.mark.parametrize("name", sorted(ACTIVE))
def test_half_precision_scores_are_penalised_in_single(name, curved, real, fake, take_step):
    critic = curved.to(torch.bfloat16)
    step = take_step(critic, real.bfloat16(), fake.bfloat16())
    assert build(name).penalty(critic, step).dtype == torch.float32


def test_randomness_comes_from_the_steps_generator(regularizer, curved, real, fake, take_step):
    before = torch.get_rng_state()
    first, again, other = (
        regularizer.penalty(curved, take_step(curved, real, fake, seed)).item()
        for seed in (1, 1, 2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert first == again
    draws = not regularizer.needs_image_gradients and first > 0
    assert (first != other) == draws


def test_leaves_images_and_parameters_without_gradients(regularizer, curved, real, fake, take_step):
    step = take_step(curved, real, fake)
    regularizer.penalty(curved, step)
    assert all(p.grad is None for p in curved.parameters())
    assert step.real.images.grad is None
    assert step.fake.images.grad is None


def test_image_shapes_are_free(regularizer, linear, take_step):
    """(N, C, H, W) as well as (N, D): the norm is over everything but the batch."""
    rng = torch.Generator().manual_seed(7)
    real, fake = torch.randn(2, 6, 1, 2, 3, generator=rng, dtype=torch.float64)
    weights = [0.5, -1.0, 2.0, 0.1, 0.0, 3.0]
    values = []
    for shape in ((6, 1, 2, 3), (6, 6)):
        critic = linear(weights)
        step = take_step(critic, real.reshape(shape), fake.reshape(shape))
        values.append(regularizer.penalty(critic, step))
    torch.testing.assert_close(values[0], values[1])


def test_state_goes_round(regularizer, curved, real, fake, take_step):
    regularizer.penalty(curved, take_step(curved, real, fake))
    state = regularizer.state_dict()
    assert all(isinstance(value, float | int) for value in state.values())
    regularizer.load_state_dict(state)
    assert regularizer.state_dict() == state
