"""What every loss has to fulfil; the functions of ``CONTRACTS`` tell it one by one."""

import math

import torch
from torch import Tensor

from gan_zoo.config.preflight import check_role
from gan_zoo.testing.contracts import hold, refuses, require
from gan_zoo.types import AdversarialLoss

REAL = torch.tensor([-3.0, -0.5, 0.2, 1.7, 4.0, 2.3, -1.1, 0.9], dtype=torch.float64)
FAKE = torch.tensor([2.5, -4.0, -1.1, 0.3, 0.9, -2.0, 0.1, 1.4], dtype=torch.float64)
ORDER = torch.tensor([3, 0, 7, 1, 6, 2, 5, 4])
LARGE = (30.0, 88.0, 104.0, 1e3, 1e4)  # around float32's limits of exp, and what critics reach


def check_loss(loss: AdversarialLoss) -> None:
    """Hold a loss to every contract of ``interfaces.AdversarialLoss``.

    Scalars in the scores' precision, signs of the gradients, the undecided score, immaterial order,
    a mean over the batch, refused shapes, needed reals, finite values and gradients up to scores of
    10,000 in float32 and bfloat16, exact gradients, no memory, and the divergence's range.

    Args:
        loss: to be checked, with any parameters.

    Raises:
        AssertionError: naming the broken contract.
    """
    hold(type(loss).__name__, loss, CONTRACTS)


def both(loss: AdversarialLoss, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """D's and G's loss of the same scores."""
    return {"D": loss.discriminator(real, fake), "G": loss.generator(fake, real)}


def has_every_part(loss: AdversarialLoss) -> None:
    """All that ``interfaces.AdversarialLoss`` names is there, on an instance."""
    require(not isinstance(loss, type), "it is a class; give an instance of it")
    check_role("loss", loss, AdversarialLoss)


def gives_scalars_in_the_precision_of_the_scores(loss: AdversarialLoss) -> None:
    """0-dim float32 from float32, float64 from float64."""
    for dtype in (torch.float32, torch.float64):
        for key, value in both(loss, REAL.to(dtype), FAKE.to(dtype)).items():
            require(
                value.shape == () and value.dtype == dtype,
                f"L_{key} of {dtype} scores has shape {tuple(value.shape)} and type {value.dtype};"
                f" allowed: () and {dtype}",
            )


def computes_half_types_in_single_precision(loss: AdversarialLoss) -> None:
    """The value is that of the rounded scores, not a rounded value, and a gradient comes back."""
    for dtype in (torch.bfloat16, torch.float16):
        real, fake = REAL.to(dtype), FAKE.to(dtype).requires_grad_()
        exact = both(loss, real.double(), fake.detach().double())
        for key, value in both(loss, real, fake).items():
            require(
                value.dtype == torch.float32,
                f"L_{key} of {dtype} scores is {value.dtype}; allowed: torch.float32",
            )
            torch.testing.assert_close(value.double(), exact[key], rtol=2e-6, atol=2e-6)
            (gradient,) = torch.autograd.grad(value, fake)
            require(
                gradient.dtype == dtype and _finite(gradient),
                f"the gradient of L_{key} by {dtype} scores is {gradient}",
            )


def pulls_apart_in_d_and_pushes_fakes_up_in_g(loss: AdversarialLoss) -> None:
    """Around the undecided score every single gradient has its sign."""
    tilt = torch.linspace(0.01, 0.1, 8, dtype=torch.float64)
    real = (loss.real_threshold + tilt).requires_grad_()
    fake = (loss.real_threshold - tilt).requires_grad_()
    on_real, on_fake = torch.autograd.grad(loss.discriminator(real, fake), (real, fake))
    require(bool((on_real < 0).all()), f"D does not raise the scores of reals: dL_D/dr = {on_real}")
    require(bool((on_fake > 0).all()), f"D does not lower those of fakes: dL_D/df = {on_fake}")
    (on_fake,) = torch.autograd.grad(loss.generator(fake, real), fake)
    require(bool((on_fake < 0).all()), f"G does not raise those of fakes: dL_G/df = {on_fake}")


def is_undecided_at_its_threshold(loss: AdversarialLoss) -> None:
    """With the same scores for both kinds, moving them together does not improve D."""
    shift = torch.zeros((), dtype=torch.float64, requires_grad=True)
    scores = torch.full((5,), loss.real_threshold, dtype=torch.float64) + shift
    (slope,) = torch.autograd.grad(loss.discriminator(scores, scores), shift)
    require(
        abs(slope.item()) <= 1e-12,
        f"with all scores at real_threshold = {loss.real_threshold} L_D has the slope"
        f" {slope.item():g}; allowed: 0",
    )


def takes_a_batch_in_any_order(loss: AdversarialLoss) -> None:
    """Pairs may be reordered; each kind by itself if G's loss needs no reals."""
    expected = both(loss, REAL, FAKE)
    moved = [both(loss, REAL[ORDER], FAKE[ORDER])]
    if not loss.needs_real_in_generator_step:
        moved.append(both(loss, REAL[ORDER], FAKE))
    for values in moved:
        for key, value in values.items():
            _agree(value, expected[key])


def averages_over_the_batch(loss: AdversarialLoss) -> None:
    """A batch is the mean of its halves; relativistic losses may compare with a batch's mean."""
    if loss.needs_real_in_generator_step:
        return
    whole = both(loss, REAL, FAKE)
    halves = [both(loss, REAL[s], FAKE[s]) for s in (slice(None, 4), slice(4, None))]
    for key in whole:
        _agree(whole[key], (halves[0][key] + halves[1][key]) / 2)


def refuses_shapes_that_would_broadcast(loss: AdversarialLoss) -> None:
    """(5,) against (1,) or (5, 1) is a ``ValueError`` about scores (``losses.scores.as_pair``)."""
    for shapes in (((5,), (1,)), ((5, 1), (5,)), ((5,), (5, 1)), ((), ())):
        real, fake = (torch.zeros(shape) for shape in shapes)
        calls = {"discriminator(real, fake)": lambda: loss.discriminator(real, fake)}  # noqa: B023
        if fake.ndim != 1 or loss.needs_real_in_generator_step:
            calls["generator(fake, real)"] = lambda: loss.generator(fake, real)  # noqa: B023
        for name, call in calls.items():
            require(
                "scores" in (refuses(call) or ""),
                f"{name} takes real {shapes[0]} and fake {shapes[1]}; allowed: a ValueError that"
                " names the scores, as gan_zoo.losses.base.as_pair raises it",
            )


def needs_the_reals_exactly_if_it_says_so(loss: AdversarialLoss) -> None:
    """``needs_real_in_generator_step`` decides whether the trainer computes them."""
    fake, real = FAKE.clone(), REAL.clone().requires_grad_()
    if not loss.needs_real_in_generator_step:
        torch.testing.assert_close(loss.generator(fake), loss.generator(fake, real))
        return
    told = refuses(lambda: loss.generator(fake))
    require(
        "real scores are missing" in (told or ""),
        "generator(fake) without the reals it says to need is no ValueError that says 'real scores"
        " are missing'",
    )
    (gradient,) = torch.autograd.grad(loss.generator(fake, real), real, allow_unused=True)
    require(
        gradient is not None and bool(gradient.abs().sum() > 0),
        "needs_real_in_generator_step is true, but G's loss does not depend on the reals",
    )


def is_finite_on_large_scores(loss: AdversarialLoss) -> None:
    """Both signs for both kinds, in float32 and from bfloat16; ``losses.softlog`` shows how."""
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
                    f"L_{key} of {dtype} scores up to {size:g} is {value.item()}, its gradients"
                    f" {gradients}; allowed: finite numbers",
                )


def learns_under_autocast(loss: AdversarialLoss) -> None:
    """From a critic that autocast runs in bfloat16, scoring up to 10,000."""
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
                f"L_{key} of scores up to {size:g} is {value.item()} in {value.dtype}, its gradient"
                f" {gradient.item()}; allowed: finite, in torch.float32",
            )


def has_exact_gradients(loss: AdversarialLoss) -> None:
    """Against finite differences."""
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    torch.autograd.gradcheck(loss.discriminator, (real, fake))
    torch.autograd.gradcheck(loss.generator, (fake, real))


def remembers_nothing(loss: AdversarialLoss) -> None:
    """The same scores give the same losses after any others."""
    first = both(loss, REAL, FAKE)
    both(loss, FAKE, 3 * REAL)
    for key, value in both(loss, REAL, FAKE).items():
        require(
            torch.equal(value, first[key]),
            f"L_{key} was {first[key].item()} and is {value.item()} of the same scores later",
        )


def estimates_within_its_divergence_range(loss: AdversarialLoss) -> None:
    """If -L_D estimates a divergence: least where nothing tells the kinds apart, never above."""
    if loss.divergence_range is None:
        return
    least, most = loss.divergence_range
    undecided = torch.full((5,), loss.real_threshold, dtype=torch.float64)
    found = -loss.discriminator(undecided, undecided).item()
    require(
        math.isclose(found, least, rel_tol=1e-9, abs_tol=1e-9),
        f"-L_D is {found:g} where all scores are undecided; divergence_range begins at {least:g}",
    )
    for size in (1.0, *LARGE):
        estimate = -loss.discriminator(size * REAL.sign(), -size * REAL.sign()).item()
        apart = -loss.discriminator(REAL.abs() * size, -FAKE.abs() * size).item()
        require(
            max(estimate, apart) <= most + 1e-9,
            f"-L_D is {max(estimate, apart):g} of scores around {size:g}; divergence_range ends at"
            f" {most:g}",
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
    remembers_nothing,
    estimates_within_its_divergence_range,
)
