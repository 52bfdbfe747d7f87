"""The contracts of a loss: the functions of ``CONTRACTS``."""

import math

import torch
from torch import Tensor

from gan_zoo.config.preflight import check_role
from gan_zoo.testing.contracts import check, require, value_error_of
from gan_zoo.types import AdversarialLoss

REAL = torch.tensor([-3.0, -0.5, 0.2, 1.7, 4.0, 2.3, -1.1, 0.9], dtype=torch.float64)
FAKE = torch.tensor([2.5, -4.0, -1.1, 0.3, 0.9, -2.0, 0.1, 1.4], dtype=torch.float64)
ORDER = torch.tensor([3, 0, 7, 1, 6, 2, 5, 4])
LARGE = (30.0, 88.0, 104.0, 1e3, 1e4)  # around float32's limits of exp, and what critics reach


def check_loss(loss: AdversarialLoss) -> None:
    """Check every contract of ``gan_zoo.types.AdversarialLoss``.

    Scalars in the scores' precision, signs of the gradients, the undecided score, any order, a mean
    over the batch, refused shapes, needed reals, finite values and gradients up to scores of 10,000
    in float32 and bfloat16, exact gradients, no state, and the divergence's range.

    Args:
        loss: with any parameters.

    Raises:
        AssertionError: names the broken contract.
    """
    check(type(loss).__name__, loss, CONTRACTS)


def both(loss: AdversarialLoss, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Return D's and G's loss of the same scores."""
    return {"D": loss.discriminator(real, fake), "G": loss.generator(fake, real)}


def has_every_part(loss: AdversarialLoss) -> None:
    """Check that an instance has every part of ``gan_zoo.types.AdversarialLoss``."""
    require(not isinstance(loss, type), "it must be an instance, got a class")
    check_role("loss", loss, AdversarialLoss)


def gives_scalars_in_the_precision_of_the_scores(loss: AdversarialLoss) -> None:
    """Check for 0-dim float32 from float32 scores, and float64 from float64."""
    for dtype in (torch.float32, torch.float64):
        for key, value in both(loss, REAL.to(dtype), FAKE.to(dtype)).items():
            require(
                value.shape == () and value.dtype == dtype,
                f"L_{key} of {dtype} scores must have shape () and type {dtype}, got"
                f" {tuple(value.shape)} and {value.dtype}",
            )


def computes_half_types_in_single_precision(loss: AdversarialLoss) -> None:
    """Check that half-type scores give float32 losses, as accurate as float32 scores do."""
    for dtype in (torch.bfloat16, torch.float16):
        real, fake = REAL.to(dtype), FAKE.to(dtype).requires_grad_()
        exact = both(loss, real.double(), fake.detach().double())
        for key, value in both(loss, real, fake).items():
            require(
                value.dtype == torch.float32,
                f"L_{key} of {dtype} scores must be torch.float32, got {value.dtype}",
            )
            torch.testing.assert_close(value.double(), exact[key], rtol=2e-6, atol=2e-6)
            (gradient,) = torch.autograd.grad(value, fake)
            require(
                gradient.dtype == dtype and _finite(gradient),
                f"the gradient of L_{key} by {dtype} scores is {gradient}",
            )


def pulls_apart_in_d_and_pushes_fakes_up_in_g(loss: AdversarialLoss) -> None:
    """Check the sign of every gradient around the undecided score."""
    tilt = torch.linspace(0.01, 0.1, 8, dtype=torch.float64)
    real = (loss.real_threshold + tilt).requires_grad_()
    fake = (loss.real_threshold - tilt).requires_grad_()
    on_real, on_fake = torch.autograd.grad(loss.discriminator(real, fake), (real, fake))
    require(bool((on_real < 0).all()), f"D must raise the scores of reals, got dL_D/dr = {on_real}")
    require(bool((on_fake > 0).all()), f"D must lower those of fakes, got dL_D/df = {on_fake}")
    (on_fake,) = torch.autograd.grad(loss.generator(fake, real), fake)
    require(bool((on_fake < 0).all()), f"G must raise those of fakes, got dL_G/df = {on_fake}")


def is_undecided_at_its_threshold(loss: AdversarialLoss) -> None:
    """Check that with equal scores for both kinds, moving them together does not improve D."""
    shift = torch.zeros((), dtype=torch.float64, requires_grad=True)
    scores = torch.full((5,), loss.real_threshold, dtype=torch.float64) + shift
    (slope,) = torch.autograd.grad(loss.discriminator(scores, scores), shift)
    require(
        abs(slope.item()) <= 1e-12,
        f"with all scores at real_threshold = {loss.real_threshold}, the slope of L_D must be 0,"
        f" got {slope.item():g}",
    )


def takes_a_batch_in_any_order(loss: AdversarialLoss) -> None:
    """Check that pairs may be reordered, and each kind by itself if G's loss needs no reals."""
    expected = both(loss, REAL, FAKE)
    moved = [both(loss, REAL[ORDER], FAKE[ORDER])]
    if not loss.needs_real_in_generator_step:
        moved.append(both(loss, REAL[ORDER], FAKE))
    for values in moved:
        for key, value in values.items():
            _agree(value, expected[key])


def averages_over_the_batch(loss: AdversarialLoss) -> None:
    """Check that a batch is the mean of its halves, unless the loss is relativistic."""
    if loss.needs_real_in_generator_step:
        return
    whole = both(loss, REAL, FAKE)
    halves = [both(loss, REAL[s], FAKE[s]) for s in (slice(None, 4), slice(4, None))]
    for key in whole:
        _agree(whole[key], (halves[0][key] + halves[1][key]) / 2)


def refuses_shapes_that_would_broadcast(loss: AdversarialLoss) -> None:
    """Check for a ``ValueError`` about scores, as of ``as_pair``, for (5,) and (1,) or (5, 1)."""
    for shapes in (((5,), (1,)), ((5, 1), (5,)), ((5,), (5, 1)), ((), ())):
        real, fake = (torch.zeros(shape) for shape in shapes)
        calls = {"discriminator(real, fake)": lambda: loss.discriminator(real, fake)}  # noqa: B023
        if fake.ndim != 1 or loss.needs_real_in_generator_step:
            calls["generator(fake, real)"] = lambda: loss.generator(fake, real)  # noqa: B023
        for name, call in calls.items():
            require(
                "scores" in (value_error_of(call) or ""),
                f"{name} must raise a ValueError that names the scores, as"
                f" gan_zoo.losses.base.as_pair does, for real {shapes[0]} and fake {shapes[1]}",
            )


def needs_the_reals_exactly_if_it_says_so(loss: AdversarialLoss) -> None:
    """Check ``needs_real_in_generator_step``, by which the trainer computes real scores."""
    fake, real = FAKE.clone(), REAL.clone().requires_grad_()
    if not loss.needs_real_in_generator_step:
        torch.testing.assert_close(loss.generator(fake), loss.generator(fake, real))
        return
    message = value_error_of(lambda: loss.generator(fake))
    require(
        "real scores are missing" in (message or ""),
        "generator(fake) without reals must raise a ValueError with 'real scores are missing'",
    )
    (gradient,) = torch.autograd.grad(loss.generator(fake, real), real, allow_unused=True)
    require(
        gradient is not None and bool(gradient.abs().sum() > 0),
        "needs_real_in_generator_step is true, but G's loss does not depend on the reals",
    )


def is_finite_on_large_scores(loss: AdversarialLoss) -> None:
    """Check scores of both signs for both kinds; ``losses.elementwise`` helps."""
    for size in LARGE:
        scores = torch.tensor([size, -size, size, -size, 0.0])
        for dtype in (torch.float32, torch.bfloat16):
            real = scores.to(dtype).requires_grad_()
            fake = scores.flip(0).roll(1).to(dtype).requires_grad_()
            for key, value in both(loss, real, fake).items():
                found = torch.autograd.grad(value, (real, fake), allow_unused=True)
                gradients = [gradient for gradient in found if gradient is not None]
                require(
                    _finite(value, *gradients),
                    f"L_{key} of {dtype} scores up to {size:g} and its gradients must be finite,"
                    f" got {value.item()} and {gradients}",
                )


def learns_under_autocast(loss: AdversarialLoss) -> None:
    """Check scores up to 10,000 of a critic that autocast runs in bfloat16."""
    for size in (1.0, 1e2, 1e4):
        weight = torch.tensor([[size]], requires_grad=True)
        points = torch.linspace(-1, 1, 10)[:, None]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = torch.nn.functional.linear(points, weight).squeeze(1)
            values = both(loss, scores[::2], scores[1::2])
        for key, value in values.items():
            (gradient,) = torch.autograd.grad(value, weight, retain_graph=True)
            require(
                value.dtype == torch.float32 and _finite(value, gradient),
                f"L_{key} of scores up to {size:g} must be finite, in torch.float32, got"
                f" {value.item()} in {value.dtype} with gradient {gradient.item()}",
            )


def has_exact_gradients(loss: AdversarialLoss) -> None:
    """Check gradients against finite differences."""
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    torch.autograd.gradcheck(loss.discriminator, (real, fake))
    torch.autograd.gradcheck(loss.generator, (fake, real))


def has_no_state(loss: AdversarialLoss) -> None:
    """Check that the same scores give the same losses after any others."""
    first = both(loss, REAL, FAKE)
    both(loss, FAKE, 3 * REAL)
    for key, value in both(loss, REAL, FAKE).items():
        require(
            torch.equal(value, first[key]),
            f"L_{key} of the same scores was {first[key].item()}, and later {value.item()}",
        )


def estimates_within_its_divergence_range(loss: AdversarialLoss) -> None:
    """Check that -L_D is least where all scores are undecided, and never above its range."""
    if loss.divergence_range is None:
        return
    least, most = loss.divergence_range
    undecided = torch.full((5,), loss.real_threshold, dtype=torch.float64)
    found = -loss.discriminator(undecided, undecided).item()
    require(
        math.isclose(found, least, rel_tol=1e-9, abs_tol=1e-9),
        f"-L_D of undecided scores must be {least:g}, where divergence_range begins, got {found:g}",
    )
    for size in (1.0, *LARGE):
        estimate = -loss.discriminator(size * REAL.sign(), -size * REAL.sign()).item()
        apart = -loss.discriminator(REAL.abs() * size, -FAKE.abs() * size).item()
        require(
            max(estimate, apart) <= most + 1e-9,
            f"-L_D must be at most {most:g}, where divergence_range ends, got"
            f" {max(estimate, apart):g} of scores around {size:g}",
        )


def _agree(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)


def _finite(*tensors: Tensor) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in tensors)


CONTRACTS = (
    has_every_part,
    gives_scalars_in_the_precision_of_the_scores,
    computes_half_types_in_single_precision,
    pulls_apart_in_d_and_pushes_fakes_up_in_g,
    is_undecided_at_its_threshold,
    takes_a_batch_in_any_order,
    averages_over_the_batch,
    refuses_shapes_that_would_broadcast,
    needs_the_reals_exactly_if_it_says_so,
    is_finite_on_large_scores,
    learns_under_autocast,
    has_exact_gradients,
    has_no_state,
    estimates_within_its_divergence_range,
)
