"""What every loss has to fulfil; a new file in conf/loss takes part by being there."""

from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

CONF = Path(__file__).parents[2] / "conf" / "loss"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
AVERAGES = {"rasgan", "ralsgan", "rahinge"}  # each score against the batch mean of the other kind
PAIRS = {"rsgan", "r3gan"}  # score i of the reals against score i of the fakes

REAL = torch.tensor([-3.0, -0.5, 0.2, 1.7, 4.0, 2.3, -1.1, 0.9], dtype=torch.float64)
FAKE = torch.tensor([2.5, -4.0, -1.1, 0.3, 0.9, -2.0, 0.1, 1.4], dtype=torch.float64)
ORDER = torch.tensor([3, 0, 7, 1, 6, 2, 5, 4])


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def build(name, **changes):
    return instantiate(OmegaConf.load(CONF / f"{name}.yaml").loss, _convert_="all", **changes)


@pytest.fixture
def loss(name):
    return build(name)


def both(loss, real, fake):
    return {"D": loss.discriminator(real, fake), "G": loss.generator(fake, real)}


def test_there_are_losses():
    assert len(NAMES) >= 30


def test_recipe_sets_no_value_of_a_replaceable_part(name):
    """regularizer.clip, say, would be an unknown key as soon as regularizer= is another one."""
    assert set(OmegaConf.load(CONF / f"{name}.yaml")) <= {"defaults", "loss", "trainer", "model"}


def test_recipe_file_says_what_it_is(name):
    first, *header = (CONF / f"{name}.yaml").read_text().splitlines()
    assert first == "# @package _global_"
    for topic in ("Paper:", f"Command: python run.py loss={name}", "Expect:", "Deviation"):
        assert any(line.startswith(f"# {topic}") for line in header), topic


def test_values_are_scalars_in_the_scores_precision(loss):
    for dtype in (torch.float32, torch.float64):
        for value in both(loss, REAL.to(dtype), FAKE.to(dtype)).values():
            assert value.shape == ()
            assert value.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types_are_computed_in_single_precision(loss, dtype):
    """The value is that of the rounded scores, not a rounded value, and a gradient comes back."""
    real, fake = REAL.to(dtype), FAKE.to(dtype).requires_grad_()
    exact = both(loss, real.double(), fake.detach().double())
    for key, value in both(loss, real, fake).items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value.double(), exact[key], rtol=2e-6, atol=2e-6)
        (gradient,) = torch.autograd.grad(value, fake)
        assert gradient.dtype == dtype
        assert gradient.isfinite().all()


def test_d_pulls_kinds_apart_and_g_pushes_fakes_up(loss):
    """Around the undecided score every single gradient has its sign."""
    tilt = torch.linspace(0.01, 0.1, 8, dtype=torch.float64)
    real = (loss.real_threshold + tilt).requires_grad_()
    fake = (loss.real_threshold - tilt).requires_grad_()
    on_real, on_fake = torch.autograd.grad(loss.discriminator(real, fake), (real, fake))
    assert (on_real < 0).all()
    assert (on_fake > 0).all()
    (on_fake,) = torch.autograd.grad(loss.generator(fake, real), fake)
    assert (on_fake < 0).all()


def test_threshold_is_stationary_where_real_and_fake_agree(loss):
    """With the same scores for both kinds, moving them together does not improve D."""
    shift = torch.zeros((), dtype=torch.float64, requires_grad=True)
    scores = torch.full((5,), loss.real_threshold, dtype=torch.float64) + shift
    (slope,) = torch.autograd.grad(loss.discriminator(scores, scores), shift)
    assert slope.item() == pytest.approx(0, abs=1e-12)


def test_order_in_the_batch_is_immaterial(name, loss):
    expected = both(loss, REAL, FAKE)
    moved = [both(loss, REAL[ORDER], FAKE[ORDER])]
    if name not in PAIRS:
        moved.append(both(loss, REAL[ORDER], FAKE))
    for values in moved:
        for key, value in values.items():
            torch.testing.assert_close(value, expected[key], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in AVERAGES])
def test_a_batch_is_the_mean_of_its_halves(name):
    loss = build(name)
    whole = both(loss, REAL, FAKE)
    halves = [both(loss, REAL[s], FAKE[s]) for s in (slice(None, 4), slice(4, None))]
    for key in whole:
        expected = (halves[0][key] + halves[1][key]) / 2
        torch.testing.assert_close(whole[key], expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("shapes", [((5,), (1,)), ((5, 1), (5,)), ((5,), (5, 1)), ((), ())])
def test_shapes_that_would_broadcast_are_refused(loss, shapes):
    real, fake = (torch.zeros(shape) for shape in shapes)
    with pytest.raises(ValueError, match="scores"):
        loss.discriminator(real, fake)
    if fake.ndim != 1 or loss.needs_real_in_generator_step:
        with pytest.raises(ValueError, match="scores"):
            loss.generator(fake, real)


def test_generator_needs_the_reals_exactly_if_it_says_so(loss):
    fake, real = FAKE.clone(), REAL.clone().requires_grad_()
    if loss.needs_real_in_generator_step:
        with pytest.raises(ValueError, match="real scores are missing"):
            loss.generator(fake)
        (gradient,) = torch.autograd.grad(loss.generator(fake, real), real)
        assert gradient.abs().sum() > 0
    else:
        torch.testing.assert_close(loss.generator(fake), loss.generator(fake, real))


@pytest.mark.parametrize("size", [30.0, 88.0, 104.0, 1e3, 1e4])
def test_large_scores_give_finite_values_and_gradients(loss, size):
    """Both signs for both kinds, in float32 and from bfloat16; see losses/softlog for how."""
    scores = torch.tensor([size, -size, size, -size, 0.0])
    for dtype in (torch.float32, torch.bfloat16):
        real = scores.to(dtype).requires_grad_()
        fake = scores.flip(0).roll(1).to(dtype).requires_grad_()
        for value in both(loss, real, fake).values():
            assert value.isfinite()
            gradients = torch.autograd.grad(value, (real, fake), allow_unused=True)
            assert all(g.isfinite().all() for g in gradients if g is not None)


@pytest.mark.parametrize("objective", ["saturating", "practical"])
@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("fgan_")])
def test_both_generator_objectives_are_finite_on_large_scores(name, objective):
    loss = build(name, generator=objective)
    for size in (30.0, 88.0, 104.0, 1e3, 1e4):
        fake = torch.tensor([size, -size], requires_grad=True)
        value = loss.generator(fake)
        (gradient,) = torch.autograd.grad(value, fake)
        assert value.isfinite()
        assert gradient.isfinite().all()
        assert (gradient <= 0).all()  # G is never told to lower a score


@pytest.mark.parametrize("size", [1.0, 1e2, 1e4])
def test_under_autocast_a_bfloat16_critic_learns_from_finite_numbers(loss, size):
    """A critic that autocast runs in bfloat16, scoring up to the given size, and both losses."""
    weight = torch.tensor([[size]], requires_grad=True)
    points = torch.linspace(-1, 1, 10)[:, None]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = torch.nn.functional.linear(points, weight).squeeze(1)
        assert scores.dtype == torch.bfloat16
        assert scores.abs().max() >= 0.99 * size
        values = both(loss, scores[::2], scores[1::2])
    for value in values.values():
        assert value.dtype == torch.float32
        (gradient,) = torch.autograd.grad(value, weight, retain_graph=True)
        assert value.isfinite()
        assert gradient.isfinite().all()


def test_gradients_match_finite_differences(loss):
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    assert torch.autograd.gradcheck(loss.discriminator, (real, fake))
    assert torch.autograd.gradcheck(loss.generator, (fake, real))


def test_losses_are_frozen(loss):
    with pytest.raises(AttributeError):
        loss.real_threshold = 3.0
    with pytest.raises(AttributeError):
        loss.anything = 3.0
